# frozen_string_literal: true

require "securerandom"

module TaskerCore
  module StepHandler
    module Mixins
      module API
        # A form with a file in it, as it is uploaded.
        class Multipart
          attr_reader :body

          def initialize(field_name, file_path, fields)
            @boundary = "tasker-#{SecureRandom.hex(16)}"
            parts = fields.map { |name, value| part(quoted(name), value.to_s) }
            parts << part("#{quoted(field_name)}; filename=#{name_of(file_path)}", File.binread(file_path),
                          "Content-Type: application/octet-stream\r\n")
            @body = "#{parts.join}--#{@boundary}--\r\n".b
          end

          def content_type
            "multipart/form-data; boundary=#{@boundary}"
          end

          private

          def part(name, content, more = "")
            "--#{@boundary}\r\nContent-Disposition: form-data; name=".b << name.b << "\r\n#{more}\r\n".b << content.b << "\r\n"
          end

          def name_of(file_path)
            quoted(File.basename(file_path))
          end

          def quoted(text)
            %("#{text.to_s.gsub(/["\r\n]/) { |character| format("%%%02X", character.ord) }}")
          end
        end
      end
    end
  end
end
