# frozen_string_literal: true

require "fileutils"
require "logger"
require "stringio"
require "tmpdir"
require "tasker_core/template_discovery"

RSpec.describe TaskerCore::TemplateDiscovery do
  let(:paths) { described_class::TemplatePath }
  let(:parser) { described_class::TemplateParser }
  let(:handlers) { described_class::HandlerDiscovery }
  let(:log) { StringIO.new }
  let(:env) { {} }

  before do
    allow(TaskerCore::Logger.instance).to receive(:backend).and_return(Logger.new(log))
    stub_const("ENV", env)
  end

  around do |example|
    Dir.mktmpdir { |folder| Dir.chdir(@here = File.realpath(folder)) { example.run } }
  end

  def folder(*path)
    File.join(@here, *path).tap { |made| FileUtils.mkdir_p(made) }
  end

  def write(path, text)
    folder(File.dirname(path))
    File.join(@here, path).tap { |file| File.write(file, text) }
  end

  describe "the folder" do
    def found
      paths.find_template_config_directory&.delete_prefix("#{@here}/")
    end

    it "is none where there is none" do
      expect(found).to be_nil
      expect(paths.discover_template_files).to eq([])
      expect([handlers.discover_all_handlers, handlers.discover_handlers_by_namespace]).to eq([[], {}])
    end

    it "is the first of five places" do
      folder("app/config/tasks")
      Dir.chdir(folder("app")) { expect(found).to eq("app/config/tasks") }
      write("Gemfile", "")
      folder("config/tasks")
      Dir.chdir(folder("app")) { expect(found).to eq("config/tasks") }
      env["WORKSPACE_PATH"] = folder("work")
      expect(found).to eq("config/tasks")
      folder("work/config/tasks")
      expect(found).to eq("work/config/tasks")
      env["TASKER_ENV"] = "test"
      folder("tests/fixtures/task_templates")
      expect(found).to eq("tests/fixtures/task_templates")
      folder("tests/fixtures/task_templates/ruby")
      expect(found).to eq("tests/fixtures/task_templates/ruby")
      env["TASKER_TEMPLATE_PATH"] = folder("named")
      expect(found).to eq("named")
      env["TASKER_TEMPLATE_PATH"] = "/no/such/folder"
      expect(found).to eq("tests/fixtures/task_templates/ruby")
    end
  end

  it "finds files of both kinds, below as well" do
    %w[b.yaml a.yml deep/c.yaml d.txt].each { |file| write("t/#{file}", "") }
    folder("t/e.yaml")
    expect(paths.discover_template_files(File.join(@here, "t")).map { |file| file.delete_prefix("#{@here}/t/") }).to eq(%w[a.yml b.yaml deep/c.yaml])
  end

  describe "a template" do
    let(:text) { <<~YAML }
      name: orders
      namespace_name: shop
      version: 2.0.0
      description: Orders
      steps:
      - {name: a, handler: {callable: Shop::A}}
      - {name: b, handler: {callable: Shop::B}}
      - {name: c, handler: {callable: Shop::A}}
      - {name: d}
      - nonsense
    YAML

    it "names handlers" do
      file = write("a.yaml", text)
      expect(parser.extract_handler_callables(file)).to eq(%w[Shop::A Shop::B])
      expect(parser.extract_handlers_from_template({ steps: [{ handler: { callable: "x" } }, { handler: "y" }] })).to eq(%w[x y])
      expect(parser.extract_handlers_from_template({})).to eq([])
    end

    it "is about something" do
      file = write("a.yaml", text)
      expect(parser.extract_template_metadata(file)).to eq(
        name: "orders", namespace: "shop", version: "2.0.0", description: "Orders", file_path: file, handlers: %w[Shop::A Shop::B]
      )
      expect(parser.extract_template_metadata(write("b.yaml", "name: b"))).to include(namespace: "default", version: "0.1.0", handlers: [])
    end

    ["a: [", "- 1", "5", "", "a: !ruby/object:Object {}"].each do |broken|
      it "that is #{broken.inspect} is logged and left out" do
        file = write("a.yaml", broken)
        expect([parser.extract_handler_callables(file), parser.extract_template_metadata(file)]).to eq([[], nil])
        expect(log.string).to include("a.yaml cannot be read")
      end
    end

    it "that is not there is left out" do
      expect(parser.extract_template_metadata("/no/such/file.yaml")).to be_nil
    end
  end

  it "knows the handlers of all templates, and of each namespace" do
    write("t/a.yaml", "name: a\nnamespace_name: two\nsteps: [{handler: {callable: z}}, {handler: {callable: y}}]")
    write("t/b.yaml", "name: b\nnamespace_name: one\nsteps: [{handler: {callable: y}}]")
    write("t/c.yaml", "a: [")
    write("t/d.yml", "name: d\nnamespace_name: two\nsteps: [{handler: {callable: x}}]")
    dir = File.join(@here, "t")
    expect(handlers.discover_all_handlers(dir)).to eq(%w[x y z])
    expect(handlers.discover_handlers_by_namespace(dir)).to eq({ "one" => ["y"], "two" => %w[x y z] })
    expect(handlers.discover_template_metadata(dir).map { |template| template[:name] }).to eq(%w[a b d])
  end
end
