# frozen_string_literal: true

module TaskerCore
  # The version of the gem.
  VERSION = "0.1.0"

  class << self
    # What this gem is, and the library that it has loaded, if it has.
    def version_info
      {
        version: VERSION,
        ruby: "#{RUBY_ENGINE} #{RUBY_VERSION}",
        library: (Native.library.version if Native.loaded?)
      }
    end
  end
end
