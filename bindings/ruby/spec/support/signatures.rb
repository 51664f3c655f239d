# frozen_string_literal: true

# Reads the part of RBS that sig/ is written in. Each line is one declaration.
class Signatures
  # A method as it is declared: `kinds` are those of its parameters, as Method#parameters has them.
  Declared = Struct.new(:owner, :singleton, :name, :kinds, :place, keyword_init: true)

  attr_reader :methods, :owners, :constants, :problems

  def initialize(files)
    @methods = []
    @owners = []
    @constants = []
    @problems = []
    files.each { |file| read(file) }
  end

  private

  def read(file)
    nesting = []
    File.readlines(file, chomp: true).each.with_index(1) do |line, number|
      @place = "#{File.basename(file)}:#{number}"
      read_line(line.strip, nesting)
    end
    problem("#{nesting.last} has no end") unless nesting.empty?
  end

  def read_line(line, nesting)
    case line
    when "", /\A#/, /\A(?:include|extend) [A-Z][\w:]*\z/ then nil
    when /\A(?:class|module) ([A-Z][\w:]*)(?: < (.+))?\z/ then open_scope(nesting, Regexp.last_match[1], Regexp.last_match[2])
    when "end" then nesting.pop || problem("an end too many")
    when /\A([A-Z]\w*): (.+)\z/ then constant(nesting, Regexp.last_match[1], Regexp.last_match[2])
    when /\Aattr_(reader|accessor) (self\.)?(\w+): (.+)\z/ then attribute(nesting, *Regexp.last_match.captures)
    when /\Aalias (\S+) (\S+)\z/ then declare(nesting, false, Regexp.last_match[1], nil)
    when /\Adef (self\.)?([^:\s]+|\[\]=?|==): (.+)\z/ then method(nesting, *Regexp.last_match.captures)
    else problem("what is #{line.inspect}?")
    end
  end

  def open_scope(nesting, name, above)
    nesting.push([*nesting.last, name].join("::"))
    @owners << nesting.last
    balanced(above) if above
  end

  def constant(nesting, name, type)
    @constants << "#{nesting.last}::#{name}"
    balanced(type)
  end

  def attribute(nesting, kind, singleton, name, type)
    declare(nesting, !singleton.nil?, name, [])
    declare(nesting, !singleton.nil?, "#{name}=", [:req]) if kind == "accessor"
    balanced(type)
  end

  def method(nesting, singleton, name, type)
    balanced(type)
    parameters = type.start_with?("(") ? inside(type) : problem("no parameters in #{type}")
    declare(nesting, !singleton.nil?, name, parameters.map { |parameter| kind_of(parameter) })
  end

  def declare(nesting, singleton, name, kinds)
    @methods << Declared.new(owner: nesting.last, singleton: singleton, name: name.to_sym, kinds: kinds, place: @place)
  end

  # The parameters within the first brackets, parted by the commas that stand in no brackets of their own.
  def inside(type)
    parts = [+""]
    depth = 0
    type.each_char do |character|
      depth += { "(" => 1, "[" => 1, "{" => 1, ")" => -1, "]" => -1, "}" => -1 }.fetch(character, 0)
      break if depth.zero?

      character == "," && depth == 1 ? parts << +"" : parts.last << character
    end
    parts[0] = parts[0][1..]
    parts.map(&:strip).reject(&:empty?)
  end

  def kind_of(parameter)
    case parameter
    when /\A\*\*/ then :keyrest
    when /\A\*/ then :rest
    when /\A\?(\w+):(?!:)/ then [:key, Regexp.last_match[1].to_sym]
    when /\A(\w+):(?!:)/ then [:keyreq, Regexp.last_match[1].to_sym]
    when /\A\?/ then :opt
    else :req
    end
  end

  def balanced(type)
    open = []
    type.scan(/[()\[\]{}]/) do |bracket|
      next open.push(bracket) if "([{".include?(bracket)

      problem("brackets do not match in #{type}") unless { ")" => "(", "]" => "[", "}" => "{" }[bracket] == open.pop
    end
    problem("a bracket stays open in #{type}") unless open.empty?
  end

  def problem(what)
    @problems << "#{@place}: #{what}"
    []
  end
end
