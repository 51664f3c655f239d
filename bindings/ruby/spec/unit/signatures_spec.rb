# frozen_string_literal: true

require "tasker_core"
require "tasker_core/dev"
require "tasker_core/testing"

# The signatures in sig/ are those of the methods that there are, and of all of them.
RSpec.describe "the RBS signatures" do
  lib = File.realpath("../../lib", __dir__)
  signatures = Signatures.new(Dir[File.expand_path("../../sig/**/*.rbs", __dir__)])
  known = signatures.owners.select { |name| Object.const_defined?(name) }

  def method_of(declared)
    owner = Object.const_get(declared.owner)
    return owner.method(declared.name) if declared.singleton

    owner.instance_method(declared.name)
  end

  def kinds_of(method)
    method.parameters.filter_map do |kind, name|
      case kind
      when :key, :keyreq then [kind, name]
      when :block then nil
      else kind
      end
    end
  end

  it "can be read" do
    expect(signatures.problems).to eq([])
    expect(signatures.methods.size).to be > 400
  end

  it "name what there is" do
    expect(signatures.owners.uniq - known).to eq([])
    expect(signatures.constants.reject { |name| Object.const_defined?(name) }).to eq([])
  end

  it "have the parameters that methods have" do
    wrong = signatures.methods.filter_map do |declared|
      next if declared.kinds.nil? || declared.name == :new

      kinds = kinds_of(method_of(declared))
      "#{declared.place}: #{declared.name} takes #{kinds}" unless kinds == declared.kinds
    rescue NameError => e
      "#{declared.place}: #{e.message}"
    end
    expect(wrong).to eq([])
  end

  it "leave no public method out of what they tell of" do
    said = signatures.methods.to_h { |declared| [[declared.owner, declared.singleton, declared.name], true] }
    missing = signatures.methods.map(&:owner).uniq.flat_map do |name|
      owner = Object.const_get(name)
      instance = owner.public_instance_methods(false).map { |method| [false, method, owner.instance_method(method)] }
      own = owner.singleton_class.public_instance_methods(false).map { |method| [true, method, owner.method(method)] }
      (instance + own).filter_map do |singleton, method, found|
        ours = found.source_location&.first.to_s.start_with?(lib) && method != :inherited && !said[[name, singleton, method]]
        "#{name}#{singleton ? "." : "#"}#{method}" if ours
      end
    end
    expect(missing).to eq([])
  end
end
