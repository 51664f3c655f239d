# frozen_string_literal: true

require "tmpdir"
require "tasker_core"
require_relative "support/helper"

# Finding and loading the library, and what it tells in errors.
RSpec.describe TaskerCore::Native::Library, native: true do
  # Loads the library in a process of its own, and returns how that failed.
  def failure(path, lib: nil)
    child = Child.new("-e", "TaskerCore::Native.library", environment: { "TASKER_LIBRARY_PATH" => path.to_s },
                                                          options: [*(lib && ["-I", lib]), "-r", "tasker_core/native"])
    code, _, errors = child.finish
    expect(code).to eq(1)
    errors
  end

  def compiled(folder, source)
    path = File.join(folder, "libtasker.so")
    output, status = Open3.capture2e("gcc", "-shared", "-fPIC", "-x", "c", "-o", path, "-", stdin_data: source)
    expect(status).to be_success, output
    path
  end

  around { |example| Dir.mktmpdir("tasker-library-") { |folder| @folder = folder and example.run } }

  it "is not loaded, and nothing is started, by requiring every file" do
    seen = play("requires")
    expect(seen["files"]).to be > 60
    expect(seen.except("files")).to eq("mapped" => false, "threads" => 1)
  end

  it "is not replaced by another one when the explicit path is wrong" do
    expect(failure("#{@folder}/nowhere.so")).to include("TASKER_LIBRARY_PATH names #{@folder}/nowhere.so, which is no file")
  end

  it "is named when it is no library" do
    File.write("#{@folder}/libtasker.so", "no library")
    expect(failure("#{@folder}/libtasker.so")).to match(/#{@folder}.libtasker.so cannot be loaded: .*LibraryLoadError/m)
  end

  it "is refused with both versions when its ABI is another one" do
    names = TaskerCore::Native::FUNCTIONS.keys - %i[tasker_abi_check tasker_abi_version]
    source = "int tasker_abi_version(void) { return 7 << 16 | 3; } int tasker_abi_check(void) { return -4; }\n" \
             "#{names.map { |name| "int #{name}(void) { return 0; }" }.join("\n")}"
    expect(failure(compiled(@folder, source))).to include("has ABI 7.3, this gem needs 1.1 or a later 1.x")
  end

  it "is called older when it lacks a function" do
    expect(failure(compiled(@folder, "int tasker_abi_version(void) { return 1 << 16; }"))).to include("is older than this gem")
  end

  it "is said to be missing with all the places that were searched" do
    FileUtils.mkdir_p("#{@folder}/checkout/lib")
    FileUtils.cp_r(File.join(Child::BINDING, "lib", "tasker_core"), "#{@folder}/checkout/lib/")
    FileUtils.rm_f("#{@folder}/checkout/lib/tasker_core/native/libtasker.so")
    FileUtils.touch("#{@folder}/checkout/go.mod")
    errors = failure("", lib: "#{@folder}/checkout/lib")
    expect(errors).to include("TASKER_LIBRARY_PATH (not set)", "#{@folder}/checkout/lib/tasker_core/native/libtasker.so",
                              "#{@folder}/checkout/build/lib/libtasker.so", "make lib")
  end

  it "knows musl, and explains why it cannot be loaded there" do
    allow(Dir).to receive(:glob).with("/lib/ld-musl-*").and_return(["/lib/ld-musl-x86_64.so.1"])
    stub_const("RbConfig::CONFIG", RbConfig::CONFIG.merge("host_os" => "linux-musl"))
    expect(TaskerCore::Native::Locate.musl_hint).to include("golang/go#54805")
    stub_const("RbConfig::CONFIG", RbConfig::CONFIG.merge("host_os" => "linux-gnu"))
    expect(TaskerCore::Native::Locate.musl_hint).to eq("")
  end

  it "reads the environment as it is when a worker is opened" do
    expect(play("environment")).to eq("seen" => true)
  end

  it "raises an exception of the right kind for each error of the core" do
    seen = play("errors")
    expect(seen.except("live").transform_values { |error| error["class"] }).to eq(
      "method" => "UsageError", "deadline" => "UnavailableError", "failed" => "CoreBugError", "panic" => "CoreBugError",
      "config" => "CoreConfigError", "key" => "UsageError", "database" => "UnavailableError", "restart" => "UsageError",
      "freed" => "UsageError"
    )
    expect(seen["key"]["details"]).to eq("key" => "database_url", "belongs_to" => 'settings, as "database.url"')
    expect(seen["failed"]["message"]).to include("so it is")
    expect(seen["live"]).to eq(0)
  end
end
