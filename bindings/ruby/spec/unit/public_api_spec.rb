# frozen_string_literal: true

require "open3"
require "tasker_core"

# What programs of the existing gem call: every constant, and every method with what it is given.
RSpec.describe "the public interface" do
  # Whether a method takes what it is called with.
  def takes?(method, wanted)
    kinds = method.parameters.map(&:first)
    positional = wanted.count { |kind| %w[req opt].include?(kind) }
    required = wanted.count("req")
    return false if kinds.count(:req) > required
    return false if !kinds.include?(:rest) && kinds.count { |kind| %i[req opt].include?(kind) } < positional

    keywords = wanted.grep(/\Akey/).map { |kind| kind.split(":").last.to_sym }
    known = method.parameters.filter_map { |kind, name| name if %i[key keyreq].include?(kind) }
    forced = method.parameters.filter_map { |kind, name| name if kind == :keyreq }
    (kinds.include?(:keyrest) || (keywords - known).empty?) && (forced - keywords).empty?
  end

  def method_of(constant, separator, name)
    target = Object.const_get(constant)
    return target.method(name) if separator == "."
    # `new` takes what `initialize` says, unless a class has a `new` of its own.
    return target.method(:new).owner == Class ? target.instance_method(:initialize) : target.method(:new) if name == "initialize"

    target.instance_method(name)
  rescue NameError
    # Modules whose functions are told of as methods.
    separator == "#" && target ? target.method(name) : nil
  end

  File.readlines(File.expand_path("../fixtures/public_api.txt", __dir__), chomp: true).each do |line|
    case line
    when /\Amodule (\S+)(?: < (\S+))?\z/
      constant, above = Regexp.last_match.captures
      it "has #{constant}" do
        found = Object.const_get(constant)
        expect(found).to be_a(Module)
        expect(found.ancestors.map { |kind| kind.name.to_s.split("::").last }).to include(above.split("::").last) if above
      end
    when /\Aconst (\S+)\z/
      constant = Regexp.last_match[1]
      it("has the constant #{constant}") { expect(Object.const_get(constant)).not_to be_nil }
    when /\Asingleton (\S+)\z/
      constant = Regexp.last_match[1]
      it("has one #{constant}") { expect(Object.const_get(constant)).to include(Singleton).and(respond_to(:instance)) }
    when /\A([\w:]+)([.#])(\S+)(.*)\z/
      constant, separator, name, wanted = Regexp.last_match.captures
      it "has #{constant}#{separator}#{name}" do
        method = method_of(constant, separator, name)
        expect(method).not_to be_nil, "there is no such method"
        expect(takes?(method, wanted.split)).to be(true), "it takes #{method.parameters}, not#{wanted}"
      end
    else raise "what is #{line}?"
    end
  end

  it "loads no library before there is need for one" do
    program = 'require "tasker_core"; print File.read("/proc/self/maps").include?("libtasker")'
    output, status = Open3.capture2e(RbConfig.ruby, "-w", "-I", File.expand_path("../../lib", __dir__), "-e", program)
    expect(output).to eq("false")
    expect(status).to be_success
  end

  it "loads every file alone, without warnings" do
    program = <<~RUBY
      failed = Dir.chdir($LOAD_PATH.first) { Dir["tasker_core/**/*.rb"] }.grep_v(%r{/rails/|/testing/}).reject do |file|
        Process.wait(fork { require file.delete_suffix(".rb") })
        $?.success?
      end
      puts(failed)
    RUBY
    output, status = Open3.capture2e(RbConfig.ruby, "-w", "-I", File.expand_path("../../lib", __dir__), "-e", program)
    expect(output).to eq("")
    expect(status).to be_success
  end
end
