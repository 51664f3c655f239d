# frozen_string_literal: true

require "bigdecimal"
require "tasker_core"

RSpec.describe TaskerCore::Native::Codec do
  nested = ->(depth) { (1...depth).reduce([]) { |inner, _| [inner] } }

  it "writes what JSON has, and symbols as their names" do
    value = { "a" => [1, -2.5, true, false, nil, "naïve <&>\u2028"], b: { c: :d }, "big" => 2**80, "empty" => {} }
    expect(described_class.load(described_class.dump(value))).to eq(
      "a" => [1, -2.5, true, false, nil, "naïve <&>\u2028"], "b" => { "c" => "d" }, "big" => 2**80, "empty" => {}
    )
  end

  it "writes text of other encodings in UTF-8" do
    expect(described_class.dump(["é".encode("ISO-8859-1"), "é".encode("UTF-16LE"), "abc".b])).to eq('["é","é","abc"]')
  end

  {
    "a float that is no number" => [{ "a" => [1, Float::NAN] }, "a[1]: NaN is no JSON number"],
    "infinity" => [[Float::INFINITY], "[0]: Infinity is no JSON number"],
    "a time" => [{ at: Time.at(0) }, /\Aat: .* of Time, which JSON does not have; pass .iso8601\z/],
    "a decimal" => [BigDecimal("1.1"), /\Athe value: .* of BigDecimal, which JSON does not have; pass .to_s, or .to_f\z/],
    "a struct" => [[Struct.new(:a).new(1)], /; pass .to_h\z/],
    "an object" => [{ "o" => Object.new }, /\Ao: #<Object:.* of Object, which JSON does not have\z/],
    "a key that is a number" => [{ "a" => { 1 => 2 } }, "a: the key 1 is of Integer, and JSON keys are strings"],
    "a key that is nil" => [{ nil => 2 }, "the value: the key nil is of NilClass, and JSON keys are strings"],
    "bytes" => [{ "b" => "\xff\xfe".b }, /\Ab: .* is ASCII-8BIT and no valid UTF-8/],
    "broken text" => [["\xff"], /\A\[0\]: .* is UTF-8 and no valid UTF-8/],
    "one key twice" => [{ "x" => [{ a: 1, "a" => 2 }] }, "x[0]: a key is there twice, as a string and as a symbol"],
    "what is too deep" => [nested.call(513), /nested deeper than 512 levels/]
  }.each do |what, (value, message)|
    it "refuses #{what}, and says where it stands" do
      expect { described_class.dump(value) }.to raise_error(TaskerCore::EncodeError, message)
    end
  end

  it "refuses what contains itself" do
    loop_of = []
    loop_of << loop_of
    expect { described_class.dump(loop_of) }.to raise_error(TaskerCore::EncodeError, /does it contain itself/)
  end

  it "takes all the depth that there is" do
    expect(described_class.load(described_class.dump(nested.call(512)))).to eq(nested.call(512))
  end

  it "is not fooled by to_json methods, which ActiveSupport gives to everything" do
    value = Struct.new(:a) { def to_json(*) = '"surprise"' }.new(1)
    expect { described_class.dump([value]) }.to raise_error(TaskerCore::EncodeError)
  end

  it "reads integers exactly" do
    expect(described_class.load("[9007199254740993,123456789012345678901234567890]")).to eq(
      [9_007_199_254_740_993, 123_456_789_012_345_678_901_234_567_890]
    )
  end

  it "makes no objects of what it reads" do
    expect(described_class.load('{"json_class":"Range","a":[1,2,false]}')).to be_a(Hash)
  end

  ["", "{", "[NaN]", "{} x", "[1,]", "\xff"].each do |text|
    it "refuses to read #{text.inspect}" do
      expect { described_class.load(text) }.to raise_error(TaskerCore::DecodeError, /not JSON/)
    end
  end
end
