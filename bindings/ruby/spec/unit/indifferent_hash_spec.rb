# frozen_string_literal: true

require "tasker_core/indifferent_hash"

RSpec.describe TaskerCore::IndifferentHash do
  subject(:hash) { described_class.wrap({ "a" => 1, "b" => { "c" => [{ "d" => 2 }] } }) }

  it "reads by strings and symbols, all the way down" do
    expect([hash["a"], hash[:a], hash.fetch(:a), hash.values_at(:a, "a")]).to eq([1, 1, 1, [1, 1]])
    expect(hash.dig(:b, "c", 0, :d)).to eq(2)
    expect(hash.fetch(:x, 5)).to eq(5)
    expect(hash.fetch(:x) { |key| key }).to eq("x")
    expect { hash.fetch(:x) }.to raise_error(KeyError)
    expect([hash.key?(:a), hash.include?("a"), hash.member?(:x)]).to eq([true, true, false])
  end

  it "writes under strings" do
    hash[:e] = { f: 1 }
    hash.store(:g, 2)
    hash.merge!({ h: 3, a: 10 }) { |_, old, new| old + new }
    expect(hash.keys).to eq(%w[a b e g h])
    expect([hash[:e]["f"], hash["g"], hash[:a]]).to eq([1, 2, 11])
    expect(hash.delete(:a)).to eq(11)
    expect(hash).not_to have_key("a")
  end

  it "stays indifferent where hashes are taken apart and put together" do
    expect(hash.slice(:a)[:a]).to eq(1)
    expect(hash.except("b")[:a]).to eq(1)
    expect(hash.merge({ x: 1 })[:x]).to eq(1)
    expect(hash).not_to have_key(:x)
  end

  it "stays indifferent where some of it is chosen, or its values change" do
    expect(hash.select { |key, _| key == "a" }[:a]).to eq(1)
    expect(hash.filter { |_, value| value == 1 }[:a]).to eq(1)
    expect(hash.reject { |_, value| value.is_a?(Hash) }[:a]).to eq(1)
    expect(hash.transform_values(&:class)[:a]).to eq(Integer)
    expect(described_class.wrap({ "a" => nil, "b" => 1 }).compact).to eq({ "b" => 1 }).and(be_a(described_class))
    expect(hash.select.with_index { |_, index| index.zero? }.to_a.flatten).to include("a")
  end

  it "matches patterns" do
    matched = case hash
              in { a: Integer => a, b: { c: [{ d: }] } } then [a, d]
              end
    expect(matched).to eq([1, 2])
  end

  it "becomes a plain hash" do
    plain = hash.to_h
    expect(plain).to eq({ "a" => 1, "b" => { "c" => [{ "d" => 2 }] } })
    expect([plain, plain["b"], plain["b"]["c"][0]].map(&:class).uniq).to eq([Hash])
    expect(hash.deep_symbolize_keys).to eq({ a: 1, b: { c: [{ d: 2 }] } })
    expect(hash.to_h { |key, _| [key, 0] }).to eq({ "a" => 0, "b" => 0 })
    expect(described_class.unwrap([{ a: hash }])).to eq([{ "a" => plain }])
  end

  it "reads any hash by a name, and nothing where there is none" do
    hashes = [{ "a" => nil, "b" => 2 }, { a: nil, b: 2 }, described_class.new(a: nil, b: 2)]
    expect(hashes.map { |one| %w[a b missing].map { |name| described_class.read(one, name) } }).to eq([[nil, 2, nil]] * 3)
    expect(described_class.read(nil, "a")).to be_nil
  end
end
