# frozen_string_literal: true

require "socket"

# A server that answers each request as a block says: it is given method, path, headers and body, and returns status, headers
# and body.
class HttpServer
  attr_reader :url

  def initialize(&answer)
    @server = TCPServer.new("127.0.0.1", 0)
    @url = "http://127.0.0.1:#{@server.addr[1]}"
    @thread = Thread.new { loop { serve(@server.accept, answer) } }
  end

  def close
    @thread.kill.join
    @server.close
  end

  private

  def serve(socket, answer)
    method, path, = socket.gets.split
    headers = {}
    until (line = socket.gets.chomp).empty?
      name, value = line.split(": ", 2)
      headers[name.downcase] = value
    end
    status, answered, text = answer.call(method, path, headers, socket.read(headers["content-length"].to_i))
    socket.write("HTTP/1.1 #{status} Said\r\n", answered.map { |header| "#{header.join(": ")}\r\n" }.join)
    socket.write("Content-Length: #{text.bytesize}\r\nConnection: close\r\n\r\n", text)
  ensure
    socket.close
  end
end
