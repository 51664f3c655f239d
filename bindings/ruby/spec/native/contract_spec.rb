# frozen_string_literal: true

require "json"
require "tasker_core"

# The function table against the header, and the documents and frames against the contract's examples.
RSpec.describe TaskerCore::Native do
  root = File.expand_path("../../../..", __dir__)
  header = File.read(File.join(root, "include", "tasker.h"))
  contract = ->(name) { JSON.parse(File.read(File.join(root, "include", "contract", "#{name}.json"))) }
  enums = header.scan(/^\s*TASKER_(\w+) = (-?\d+)/).to_h.transform_values(&:to_i)
  types = {
    "int32_t" => [:int32], "uint32_t" => [:uint32], "int64_t" => [:int64], "uint64_t" => [:uint64], "size_t" => [:size_t],
    "tasker_handle" => [:uint64], "tasker_token" => [:uint64], "const uint8_t *" => [:buffer_in], "const char *" => [:string],
    "const uint8_t *const *" => [:pointer], "const tasker_token *" => [:pointer], "const size_t *" => [:pointer], "int32_t *" => [:pointer],
    "tasker_buf *" => [:pointer], "tasker_handle *" => [:pointer], "void *" => [:pointer], "tasker_log_fn" => [:pointer],
    "void" => [:void]
  }

  it "has every function of the header as the header declares it" do
    declared = header.scan(/^TASKER_API ([\w ]+?[ *]+)(tasker_\w+)\(([^)]*)\);/).to_h do |returns, name, parameters|
      takes = parameters == "void" ? [] : parameters.split(",").flat_map { |one| types.fetch(one.strip.sub(/\w+\z/, "").strip) }
      [name.to_sym, [takes, types.fetch(returns.strip).first]]
    end
    expect(declared.size).to be > 30
    expect(TaskerCore::Native::FUNCTIONS.transform_values { |function| function.first(2) }).to eq(declared)
  end

  it "lets go of the interpreter's lock wherever the header says that a function waits" do
    waiting = header.scan(%r{/\*((?:(?!\*/).)*)\*/\s*TASKER_API [\w *]+?(tasker_\w+)\(}m).filter_map do |comment, name|
      name.to_sym if comment.match?(/\bWaits\b/)
    end
    without = waiting.reject { |name| TaskerCore::Native::FUNCTIONS.fetch(name)[2] == :waits }
    expect(waiting).to include(:tasker_poll, :tasker_worker_new, :tasker_call)
    expect(without).to eq([])
  end

  it "is written for the version of the header" do
    expect(header.scan(/#define TASKER_ABI_(\w+) (\d+)/).to_h).to eq(
      "MAJOR" => TaskerCore::Native::ABI_MAJOR.to_s, "MINOR" => TaskerCore::Native::ABI_MINOR.to_s
    )
  end

  it "has the struct of the header, whose layout is frozen" do
    buffer = TaskerCore::Native::Buffer
    expect([buffer.size, *buffer.members.map { |name| buffer.offset_of(name) }]).to eq([24, 0, 8, 16])
  end

  it "knows the status codes of the header and of the contract" do
    codes = TaskerCore::Native::Status.constants.to_h { |name| [name.name, TaskerCore::Native::Status.const_get(name)] }
    expect(codes).to eq(contract.call("error")["codes"])
    expect(enums.slice(*codes.keys)).to eq(codes)
  end

  it "knows the frame types and the bits of the process state of the header" do
    frames = TaskerCore::Native::FrameType.constants.to_h { |n| ["FRAME_#{n}", TaskerCore::Native::FrameType.const_get(n)] }
    bits = TaskerCore::Native::ProcessState.constants.to_h { |n| ["PROCESS_#{n}", TaskerCore::Native::ProcessState.const_get(n)] }
    expect(enums.select { |name, _| name.start_with?("FRAME_") && name != "FRAME_HEADER_SIZE" }).to eq(frames)
    expect(enums.select { |name, _| name.start_with?("PROCESS_") }).to eq(bits)
  end

  contract.call("frames")["buffers"].each do |example|
    it "reads the buffer of the contract that holds #{example["name"]}" do
      buffer = [example["hex"]].pack("H*")
      if example["error"]
        expect { TaskerCore::Native::Frames.decode(buffer) }.to raise_error(TaskerCore::Native::FrameError)
      else
        frames = TaskerCore::Native::Frames.decode(buffer).map do |frame|
          frame.to_h.transform_keys(&:name).merge("id" => frame.id.unpack1("H*"))
        end
        expect(frames).to eq(example["frames"])
      end
    end
  end

  it "refuses a buffer that is cut short, wherever it is cut" do
    buffer = [contract.call("frames")["buffers"][1]["hex"]].pack("H*")
    (0...buffer.bytesize).each do |cut|
      expect { TaskerCore::Native::Frames.decode(buffer.byteslice(0, cut)) }.to raise_error(TaskerCore::Native::FrameError)
    end
  end

  contract.call("error")["accept"].each do |example|
    it "makes an exception of the error document of the contract: #{example["name"]}" do
      document = example["document"]
      expect { described_class.library.raise_error(:tasker_call, document["code"], JSON.generate(document)) }
        .to raise_error(described_class.error_class(document["code"])) { |error|
          expect([error.code, error.retryable?, error.details, error.message]).to eq(
            [document["code"], document["retryable"], document["details"], "#{document["message"]} (#{document["name"]})"]
          )
        }
    end
  end

  { -9 => TaskerCore::UsageError, -19 => TaskerCore::UsageError, -39 => TaskerCore::UnavailableError,
    -99 => TaskerCore::CoreBugError }.each do |code, expected|
    it "tells code #{code}, which may be that of a newer library, by its range" do
      expect { described_class.library.raise_error(:tasker_call, code, "") }.to raise_error(expected, /E_UNSUPPORTED|UNKNOWN/)
    end
  end
end
