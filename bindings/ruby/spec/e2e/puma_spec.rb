# frozen_string_literal: true

require "socket"
require_relative "support/helper"

# Puma in cluster mode: each of its children has a worker of its own.
RSpec.describe TaskerCore::ForkedError, e2e: true do
  before { EndToEnd.database }

  around { |example| Dir.mktmpdir("tasker-puma-") { |folder| @socket = "#{folder}/puma" and example.run } }

  def puma(config, **environment)
    program("-S", "puma", "--config", File.join(EndToEnd::HERE, "puma", "#{config}.rb"), SOCKET: @socket, **environment)
  end

  def get(path)
    UNIXSocket.open(@socket) do |server|
      server.write("GET #{path} HTTP/1.0\r\n\r\n")
      JSON.parse(server.read.split("\r\n\r\n", 2).last)
    end
  end

  # What the children answer, once that of both is there.
  def both(path)
    answers = {}
    Timeout.timeout(60) do
      until answers.size == 2
        begin
          answer = get(path)
          answers[answer["pid"]] = answer if answer["running"] || answer["error"] || answer["value"]
        rescue SystemCallError, JSON::ParserError
          sleep(0.05)
        end
      end
    end
    answers.values
  end

  { "with" => { PRELOAD: "1" }, "without" => {} }.each do |how, environment|
    it "is not met where the worker is started in on_worker_boot, #{how} preload_app!" do
      server = puma("after_fork", **environment)
      expect(both("/status").map { |answer| answer.values_at("running", "error") }).to eq([[true, nil]] * 2)
      expect(both("/run").map { |answer| answer["value"] }).to eq([66.5, 66.5])
      expect(File.read("/proc/#{server.pid}/maps")).not_to include("libtasker")
      server.signal("TERM")
      expect(server.finish.first).to eq("TERM").or eq(0).or eq(143)
    end
  end

  it "says what to do where the worker was started in the master, and hangs nothing" do
    server = puma("in_the_master")
    answers = both("/status")
    expect(answers.map { |answer| answer["running"] }).to eq([false, false])
    expect(answers.map { |answer| answer["error"] }).to all(include("started in process #{server.pid}", "on_worker_boot"))
    server.signal("TERM")
    server.finish
  end
end
