# frozen_string_literal: true

require "tasker_core/native/errors"

module TaskerCore
  module Native
    LIBRARY = "libtasker.so"

    # Where libtasker is, and why it may not be there.
    module Locate
      class << self
        # The library's path: that in `TASKER_LIBRARY_PATH` and nothing else if it is set; else the one in the gem; else
        # that in `build/lib` of the checkout that this file is in. The dynamic linker's path is not searched: it may hold
        # another one.
        def library
          explicit = ENV.fetch("TASKER_LIBRARY_PATH", "")
          return named(explicit) unless explicit.empty?

          tried = candidates
          tried.find { |path| File.file?(path) } || raise(LibraryLoadError, not_found(tried))
        end

        # What to add to an error where the C library is musl.
        def musl_hint
          return "" unless musl?

          " This system's C library is musl, under which shared libraries in Go cannot be loaded (golang/go#54805): " \
            "use an image with glibc, such as ruby:3-slim."
        end

        def musl?
          !Dir.glob("/lib/ld-musl-*").empty? && !RbConfig::CONFIG["host_os"].to_s.include?("gnu")
        end

        private

        def named(explicit)
          return File.realpath(explicit) if File.file?(explicit)

          raise LibraryLoadError,
                "TASKER_LIBRARY_PATH names #{explicit}, which is no file; unset it, or name #{LIBRARY}"
        end

        def candidates
          roots = []
          folder = __dir__
          until folder == File.dirname(folder)
            folder = File.dirname(folder)
            roots << folder if File.file?(File.join(folder, "go.mod"))
          end
          [File.join(__dir__, LIBRARY)] + roots.map { |root| File.join(root, "build", "lib", LIBRARY) }
        end

        def not_found(tried)
          "#{LIBRARY} was not found. Looked for TASKER_LIBRARY_PATH (not set), #{tried.join(", ")}. " \
            "Install the gem for this platform, or run `make lib` in a checkout.#{platform_hint}"
        end

        def platform_hint
          return musl_hint if RUBY_PLATFORM.include?("linux")

          " There is no build for #{RUBY_PLATFORM} yet: it runs on Linux."
        end
      end
    end
  end
end
