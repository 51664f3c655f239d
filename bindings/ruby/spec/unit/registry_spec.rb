# frozen_string_literal: true

require "logger"
require "stringio"
require "tmpdir"
require "tasker_core/registry"

RSpec.describe TaskerCore::Registry do
  let(:handler) { Class.new(TaskerCore::StepHandler::Base) { def call(_context) = :called } }
  let(:definition) { TaskerCore::Types::HandlerDefinition }
  let(:log) { StringIO.new }

  before { allow(TaskerCore::Logger.instance).to receive(:backend).and_return(Logger.new(log)) }

  describe described_class::HandlerRegistry do
    subject(:known) { registry }

    it "registers handlers of all kinds, and makes them for each use" do
      block = ->(_context) { :block }
      known.register_handler("a", handler)
      known.register_handler(:b, block)
      expect(known.resolve_handler("a")).to be_a(handler).and(satisfy { |made| !made.equal?(known.resolve_handler("a")) })
      expect(known.resolve_handler({ callable: "b" }).call(nil)).to eq(:block)
      expect([known.handler_available?("a"), known.handler_available?("x"), known.resolve_handler("x")]).to eq([true, false, nil])
      expect(known.handlers).to eq("a" => handler, "b" => block)
      expect(known.registered_handlers).to include("a", "b")
      expect(known.unregister_handler("a")).to equal(handler)
      expect(known.handler_available?("a")).to be(false)
    end

    it "refuses what cannot be called, and what has no name" do
      [["", handler], [nil, handler], ["a", 5], ["a", nil]].each do |name, what|
        expect { known.register_handler(name, what) }.to raise_error(TaskerCore::Errors::ConfigurationError)
      end
    end

    it "warns where a handler takes another one's place" do
      known.register_handler("a", handler)
      known.register_handler("a", handler)
      expect(log.string).to be_empty
      known.register_handler("a", Class.new(handler))
      expect(log.string).to include("handler a is registered again")
    end

    it "finds handlers in more ways when it is told of them" do
      stub_const("Shop", Module.new)
      stub_const("Shop::Plain", Class.new { def call(_context) = :plain })
      expect(known.resolve_handler("Shop::Plain")).to be_nil
      expect(known.allow_module(Shop).resolve_handler("Shop::Plain").call(nil)).to eq(:plain)
      own = Class.new(TaskerCore::Registry::Resolvers::RegistryResolver) { handles_prefix "own." }
      own.register_handler("own.a", handler)
      expect(known.add_resolver(own.new).resolve_handler("own.a")).to be_a(handler)
    end

    it "is one for the process, until it is reset" do
      before = described_class.instance
      expect(described_class.instance).to equal(before)
      described_class.reset_instance!
      expect(described_class.instance).not_to equal(before)
    end

    it "tells of the templates, and which of their handlers it has" do
      Dir.mktmpdir do |folder|
        File.write(File.join(folder, "a.yaml"), "name: a\nnamespace_name: n\nsteps:\n- handler: {callable: known}\n- handler: {callable: other}\n")
        stub_const("ENV", ENV.to_h.merge("TASKER_TEMPLATE_PATH" => folder))
        known.register_handler("known", handler)
        expect(known.template_discovery_info).to include(
          template_path: folder, template_files: 1, discovered_handlers: %w[known other], handlers_by_namespace: { "n" => %w[known other] }
        )
        expect(known.served_handlers).to include("known").and(satisfy { |names| !names.include?("other") })
      end
    end

    it "cannot register without the resolver for that" do
      known.resolver_chain.remove_resolver("explicit_mapping")
      known.resolver_chain.remove_resolver("class_constant")
      expect { known.register_handler("a", handler) }.to raise_error(TaskerCore::Errors::ConfigurationError, /explicit_mapping/)
      expect { known.allow_module(Steps) }.to raise_error(TaskerCore::Errors::ConfigurationError, /class_constant/)
    end
  end

  describe described_class::ResolverChain do
    subject(:chain) { described_class.default }

    def resolver(name, priority, found = nil, &resolve)
      Class.new(TaskerCore::Registry::Resolvers::BaseResolver) do
        define_method(:name) { name }
        define_method(:priority) { priority }
        define_method(:can_resolve?) { |_definition, _config| found != :none }
        define_method(:resolve) { |definition, config| resolve ? resolve.call(definition, config) : found }
      end.new
    end

    it "asks in the order of priority, and among equals of arrival" do
      chain.add_resolver(resolver("b", 50)).add_resolver(resolver("a", 50)).add_resolver(resolver("first", 5))
      expect(chain.resolver_names).to eq(%w[first explicit_mapping b a class_constant])
      expect([chain.size, chain.chain_info.map { |info| info[:priority] }]).to eq([5, [5, 10, 50, 50, 100]])
    end

    it "has one resolver of a name" do
      other = resolver("explicit_mapping", 70)
      expect(chain.add_resolver(other).explicit_resolver).to equal(other)
      expect([chain.remove_resolver("explicit_mapping"), chain.remove_resolver("explicit_mapping"), chain.size]).to eq([other, nil, 1])
    end

    it "asks on where a resolver knows nothing, or fails" do
      chain.add_resolver(resolver("nothing", 1)).add_resolver(resolver("broken", 2) { raise "no" }).register("a", handler)
      expect(chain.resolve("a")).to be_a(handler)
      expect(log.string).to include('resolver broken failed on "a": no; the next resolver is asked')
      expect { chain.resolve("x") }.to raise_error(described_class::ResolutionError, /broken failed on "x": no/) { |error|
                                         expect(error.cause.message).to eq("no")
                                       }
      chain.remove_resolver("broken")
      expect(chain.resolve("x")).to be_nil
    end

    it "asks one resolver alone where a template names it" do
      found = handler.new
      chain.add_resolver(resolver("mine", 90, found)).register("a", Class.new(handler))
      expect(chain.resolve(definition.new(callable: "a", resolver: "mine"))).to equal(found)
      expect { chain.resolve(definition.new(callable: "a", resolver: "other")) }
        .to raise_error(described_class::ResolverNotFoundError, /no resolver is called "other"; there are: explicit_mapping, mine, class_constant/)
      expect { chain.resolve(definition.new(callable: "b", resolver: "explicit_mapping")) }
        .to raise_error(described_class::ResolutionError, 'resolver explicit_mapping does not know "b"')
      expect([chain.can_resolve?(definition.new(callable: "z", resolver: "mine")), chain.can_resolve?(definition.new(callable: "z", resolver: "no"))])
        .to eq([true, false])
    end

    it "gives resolvers the configuration" do
      seen = nil
      chain.add_resolver(resolver("mine", 1) { |_, config| seen = config and nil })
      chain.resolve("x", { "a" => 1 })
      expect(seen).to eq({ "a" => 1 })
    end

    it "calls the method that a template names" do
      paying = Class.new(handler) { def refund(context) = [:refunded, context] }
      chain.register("pay", paying)
      wrapped = chain.resolve({ "callable" => "pay", "method" => "refund" })
      expect([wrapped.call(5), wrapped.target_method, wrapped.unwrap.class]).to eq([[:refunded, 5], :refund, paying])
      expect(chain.resolve({ "callable" => "pay", "method" => "call" })).to be_a(paying)
      expect do
        chain.resolve({ "callable" => "pay", "method" => "nope" })
      end.to raise_error(described_class::ResolutionError, /it has: call, refund/) { |error|
               expect(error.cause).to be_nil
             }
    end

    it "registers only with the resolver for that" do
      chain.remove_resolver("explicit_mapping")
      expect { chain.register("a", handler) }.to raise_error(described_class::ResolverNotFoundError)
    end
  end

  describe described_class::MethodDispatchWrapper do
    def allowed(object)
      described_class.allowed_methods(object)
    end

    it "knows the methods of the application's own classes and modules" do
      shared = Module.new { def shared(_context) = nil }
      above = Class.new(handler) { def above(_context) = nil }
      kind = Class.new(above) do
        include shared

        def own(_context, _more = nil) = nil
        def any(*) = nil
        def none = nil
        def capabilities(_context) = []

        protected

        def guarded(_context) = nil
      end
      expect(allowed(kind.new)).to eq(%i[above any call own shared])
      object = kind.new
      def object.single(_context) = nil
      expect(allowed(object)).to include(:single)
    end

    it "knows only those that a class names, if it does" do
      kind = Class.new(handler) do
        self.handler_methods = %w[refund nope]
        def refund(_context) = nil
      end
      expect(allowed(kind.new)).to eq([:refund])
    end

    it "takes objects of any class" do
      plain =
        Class.new do
          def call(_context) = 1
          def other(_context) = 2
        end.new
      expect(allowed(plain)).to eq(%i[call other])
    end
  end

  describe described_class::Resolvers::ExplicitMappingResolver do
    it "knows what was registered" do
      known = described_class.new
      known.register("a", handler).register(:b, handler)
      expect([known.name, known.priority, known.size, known.registered_callables]).to eq(["explicit_mapping", 10, 2, %w[a b]])
      expect([known.registered?(:a), known["a"], known.unregister("a"), known.unregister("a"), known.registered?("a")])
        .to eq([true, handler, handler, nil, false])
      known.clear!
      expect(known.size).to eq(0)
      expect(described_class.new("mine").name).to eq("mine")
    end

    it "hands out an object as it is, and cannot make a handler of a number" do
      object = handler.new
      known = described_class.new.register("a", object).register("b", 5)
      expect(known.resolve(definition.of("a"), {})).to equal(object)
      expect { known.resolve(definition.of("b"), {}) }.to raise_error(TaskerCore::Errors::ConfigurationError, /is a Integer/)
    end

    it "takes handlers while steps look for others" do
      known = described_class.new
      writers = Array.new(4) { |i| Thread.new { 200.times { |n| known.register("#{i}-#{n}", handler) } } }
      seen = Array.new(200) { known.registered_callables.size }
      writers.each(&:join)
      expect(seen).to eq(seen.sort)
      expect(known.size).to eq(800)
    end
  end

  describe described_class::Resolvers::ClassConstantResolver do
    subject(:classes) { described_class.new }

    def find(name)
      classes.resolve(definition.of(name), {})
    end

    it "finds the handler classes that are loaded" do
      stub_const("Shop::Charge", handler)
      expect(find("Shop::Charge")).to be_a(handler)
      expect(classes.can_resolve?(definition.of("Shop::Charge"), {})).to be(true)
      expect(classes.registered_callables).to include("Shop::Charge").and(all(satisfy { |name| !name.start_with?("TaskerCore::") }))
      expect([classes.name, classes.priority]).to eq(["class_constant", 100])
    end

    it "finds the class that a name stands for now" do
      stub_const("Shop::Charge", handler)
      find("Shop::Charge")
      newer = Class.new(TaskerCore::StepHandler::Base) { def call(_context) = :newer }
      stub_const("Shop::Charge", newer)
      expect(find("Shop::Charge")).to be_a(newer)
      hide_const("Shop::Charge")
      expect(find("Shop::Charge")).to be_nil
    end

    %w[Kernel Object File TaskerCore::StepHandler::Base TaskerCore::StepHandler::Api Shop shop.charge ::Shop Shop:: Shop::charge
       system].each do |name|
      it("does not look up #{name}") { expect(find(name)).to be_nil }
    end

    it "never loads what the application did not name" do
      loaded = []
      stub_const("Shop", Module.new { define_singleton_method(:const_missing) { |name| loaded << name } })
      expect([find("Shop::Charge"), find("Shop::Deep::Charge"), loaded]).to eq([nil, nil, []])
    end

    describe "in modules that the application named" do
      before do
        stub_const("Shop", Module.new)
        stub_const("Shop::Plain", Class.new { def call(_context) = :plain })
        stub_const("Shop::Deep::Plain", Class.new { def call(_context) = :deep })
        stub_const("Shop::Useless", Class.new)
        stub_const("Shop::NUMBER", 5)
        classes.allow_module(Shop)
      end

      it "finds any class with a call" do
        expect([find("Shop::Plain").call(1), find("Shop::Deep::Plain").call(1)]).to eq(%i[plain deep])
      end

      %w[Shop::Useless Shop::NUMBER Shop::Kernel Shop::Object Shop::Nothing Shop::Plain::String Shopping::Plain].each do |name|
        it("finds no #{name}") { expect(find(name)).to be_nil }
      end

      it "loads what is loaded on demand" do
        Dir.mktmpdir do |folder|
          File.write(File.join(folder, "late.rb"), "module Shop; class Late; def call(_context) = :late; end; end")
          Shop.autoload(:Late, File.join(folder, "late.rb"))
          expect(find("Shop::Late").call(1)).to eq(:late)
        end
      end

      it "needs a module with a name" do
        [5, "Shop", Module.new].each { |mod| expect { classes.allow_module(mod) }.to raise_error(ArgumentError) }
      end
    end
  end

  describe described_class::Resolvers::RegistryResolver do
    it "knows names by prefix, by pattern, and one by one" do
      charge = handler
      by_prefix = Class.new(described_class) do
        handles_prefix "pay."
        register_handler "pay.charge", charge
        register_handler "other", charge
        priority_value 20
        resolver_name "payments"
        def resolve_handler(definition, _config) = [:made, definition.callable]
      end.new
      expect([by_prefix.name, by_prefix.priority, by_prefix.registered_callables]).to eq(["payments", 20, %w[other pay.charge]])
      expect(by_prefix.resolve(definition.of("pay.charge"), {})).to be_a(charge)
      expect(by_prefix.resolve(definition.of("pay.refund"), {})).to eq([:made, "pay.refund"])
      expect([by_prefix.resolve(definition.of("other"), {}).class, by_prefix.resolve(definition.of("x"), {})]).to eq([charge, nil])

      by_pattern = Class.new(described_class) { handles_pattern(/\Apay\.\w+\z/) }.new
      expect(["pay.a", "pay.", "x"].map { |name| by_pattern.can_resolve?(definition.of(name), {}) }).to eq([true, false, false])
      expect(by_pattern.resolve(definition.of("pay.a"), {})).to be_nil
      text = Class.new(described_class) { handles_pattern('pay\.\d') }.new
      expect(["pay.1", "xpay.1", "pay.12"].map { |name| text.can_resolve?(definition.of(name), {}) }).to eq([true, false, false])
    end

    it "hands down what it knows, and keeps what is added" do
      above = Class.new(described_class) { handles_prefix "a." }
      above.register_handler("a.one", handler)
      below = Class.new(above)
      below.register_handler("a.two", handler)
      expect([below.prefix, below.handlers.keys, above.handlers.keys, above.configured_priority]).to eq(["a.", %w[a.one a.two], ["a.one"], 50])
      made = below.new
      made.register("a.three", handler)
      expect([made.registered_callables, made.unregister("a.one"), below.new.registered_callables])
        .to eq([%w[a.one a.three a.two], handler, %w[a.one a.two]])
      stub_const("MyResolver", below)
      expect(MyResolver.configured_name).to eq("MyResolver")
    end
  end

  it "has a base that says what is missing" do
    base = described_class::Resolvers::BaseResolver.new
    expect([base.priority, base.registered_callables]).to eq([50, []])
    expect { base.can_resolve?(definition.of("a"), {}) }.to raise_error(NotImplementedError)
    expect { base.resolve(definition.of("a"), {}) }.to raise_error(NotImplementedError)
  end
end
