# frozen_string_literal: true

require "json"
require "tempfile"
require "tasker_core/step_handler/api"

RSpec.describe TaskerCore::StepHandler::Api do
  json = { "Content-Type" => "application/json" }

  # A handler that knows a server which answers as the block says, without Faraday.
  def handler(**config, &answer)
    @server = HttpServer.new(&answer)
    made = described_class.new(config: { "url" => @server.url, **config })
    allow(made).to receive(:faraday?).and_return(false)
    made
  end

  after { @server&.close }

  it "sends and reads JSON" do
    api = handler(headers: { "X-Key" => "k" }) do |method, path, headers, body|
      [200, json, JSON.generate([method, path, headers.slice("x-key", "x-one", "content-type"), body])]
    end
    expect(api.get("/a", params: { q: "x y" }, headers: { "X-One" => 1 }).body).to eq(["GET", "/a?q=x+y", { "x-key" => "k", "x-one" => "1" }, ""])
    expect(api.post("a", data: { b: [1] }).body).to eq(["POST", "/a", { "x-key" => "k", "content-type" => "application/json" }, '{"b":[1]}'])
    expect(api.put("/a", data: "raw").body.last).to eq("raw")
    expect([api.patch("/a", data: {}).body.first, api.delete("/a", params: { q: 1 }).body[1]]).to eq(["PATCH", "/a?q=1"])
    expect(api.get("#{@server.url}/whole").body[1]).to eq("/whole")
  end

  it "reads other bodies as they are" do
    answers = [[200, {}, "text"], [204, {}, ""], [200, json, "{broken"]]
    api = handler { answers.shift }
    expect(Array.new(3) { api.get("/").body }).to eq(["text", nil, "{broken"])
  end

  describe "an answer that is no success" do
    {
      400 => [TaskerCore::Errors::PermanentError, nil], 401 => [TaskerCore::Errors::PermanentError, nil],
      404 => [TaskerCore::Errors::PermanentError, nil], 422 => [TaskerCore::Errors::PermanentError, nil],
      501 => [TaskerCore::Errors::PermanentError, nil], 302 => [TaskerCore::Errors::PermanentError, nil],
      408 => [TaskerCore::Errors::RetryableError, 7], 500 => [TaskerCore::Errors::RetryableError, 7],
      502 => [TaskerCore::Errors::RetryableError, 7], 504 => [TaskerCore::Errors::RetryableError, 7],
      429 => [TaskerCore::Errors::RateLimitError, 7], 503 => [TaskerCore::Errors::ServiceUnavailableError, 7]
    }.each do |status, (kind, retry_after)|
      it "of #{status} is a #{kind.name.split("::").last}" do
        api = handler { [status, { "Retry-After" => "7" }, "why"] }
        expect { api.get("/") }.to raise_error(kind) { |error|
          expect(error).to have_attributes(message: "the API answered #{status} Said", error_code: "HTTP_#{status}")
          expect(error.context).to eq(status_code: status, response_body: "why")
          expect(error.retry_after).to eq(retry_after) if retry_after
        }
      end
    end
  end

  it "may be tried again when nobody answers" do
    expect { described_class.new(config: { url: "http://127.0.0.1:1" }).tap { |api| allow(api).to receive(:faraday?).and_return(false) }.get("/") }
      .to raise_error(TaskerCore::Errors::NetworkError, /could not be reached/)
  end

  it "may be tried again when the answer takes too long" do
    asked = Thread::Queue.new
    api = handler(timeout: 0.05) { asked.pop }
    expect { api.get("/") }.to raise_error(TaskerCore::Errors::TimeoutError, /did not answer in time/)
    asked << [200, {}, ""]
  end

  describe "Retry-After" do
    def seconds(headers)
      TaskerCore::StepHandler::Mixins::API.retry_after(headers)
    end

    it "is seconds, or a date" do
      expect([seconds("Retry-After" => "120"), seconds({ "retry-after" => 5 }), seconds(retry_after: "3")]).to eq([120, 5, 3])
      expect(seconds("retry-after" => (Time.now + 60).httpdate)).to be_between(55, 60)
      expect(seconds("retry-after" => (Time.now - 60).httpdate)).to eq(0)
      ["soon", "", "-5", "1.5"].each { |text| expect(seconds("Retry-After" => text)).to be_nil }
      expect(seconds({})).to be_nil
    end
  end

  describe "results" do
    subject(:api) { described_class.new }

    it "succeed, without secrets" do
      made = api.api_success(data: { a: 1 }, status: 201, headers: { "X-A" => "b", "Set-Cookie" => "s" }, execution_time_ms: 5, metadata: { m: 1 })
      expect(made).to have_attributes(result: { a: 1 }, metadata: { status_code: 201, headers: { "X-A" => "b" }, execution_time_ms: 5, m: 1 })
    end

    it "fail as the status says" do
      limited = api.api_failure(message: "slow", status: 429, headers: { "Retry-After" => "9" })
      expect(limited).to have_attributes(error_type: "rate_limited", error_code: "HTTP_429", retryable: true)
      expect(limited.metadata).to include(status_code: 429, retry_after: 9)
      expect(api.api_failure(message: "no", status: 404)).to have_attributes(error_type: "not_found", retryable: false)
      expect(api.api_failure(message: "no", status: 418).error_type).to eq("client_error")
      expect(api.api_failure(message: "no", status: 599)).to have_attributes(error_type: "server_error", retryable: false)
      expect(api.api_failure(message: "no", error_type: "mine",
                             metadata: { a: 1 })).to have_attributes(error_type: "mine", retryable: true,
                                                                     metadata: { a: 1 })
    end
  end

  it "uploads files" do
    api = handler { |_, path, headers, body| [200, json, JSON.generate([path, headers["content-type"], body])] }
    Tempfile.create(["a", ".txt"]) do |file|
      file.write("naïve")
      file.flush
      path, type, body = api.api_upload_file("/up", file.path, field_name: "doc", additional_fields: { kind: "b" }).body
      boundary = type[/boundary=(\S+)/, 1]
      expect([path, type]).to match(["/up", %r{\Amultipart/form-data; boundary=}])
      expect(body.split("--#{boundary}").size).to eq(4)
      expect(body).to include(%(name="kind"\r\n\r\nb\r\n), %(name="doc"; filename="#{File.basename(file.path)}"), "naïve\r\n")
    end
    expect { api.api_upload_file("/up", "/no/such/file") }.to raise_error(TaskerCore::Errors::PermanentError, /no file/)
  end

  describe "pages" do
    it "are asked for one after the other" do
      pages = { nil => { data: [1, 2], next_cursor: "b" }, "b" => { data: [3], pagination: { next_cursor: "c" } }, "c" => { data: [4] } }
      asked = []
      api = handler do |_, path, _, _|
        asked << path
        [200, json, JSON.generate(pages.fetch(path[/cursor=(\w+)/, 1]))]
      end
      expect(api.api_paginated_request("/list", limit_key: "size")).to eq([1, 2, 3, 4])
      expect(asked).to eq(["/list?size=100", "/list?size=100&cursor=b", "/list?size=100&cursor=c"])
    end

    it "end when there are too many, or when a page is a list" do
      api = handler { [200, json, JSON.generate({ items: [1], next_page: 2 })] }
      expect(api.api_paginated_request("/", pagination_key: "page", max_pages: 3)).to eq([1, 1, 1])
      @server.close
      expect(handler { [200, json, "[1,2]"] }.api_paginated_request("/")).to eq([1, 2])
    end

    it "may be asked for by POST" do
      api = handler { |method, _, _, body| [200, json, JSON.generate([method, JSON.parse(body)])] }
      expect(api.api_paginated_request("/", method: :post)).to eq(["POST", { "limit" => 100 }])
    end
  end

  describe "the connection" do
    it "is made once, and anew when it is configured" do
      api = handler { [200, {}, ""] }
      before = api.connection
      expect(api.connection).to equal(before)
      expect(before.options.to_a).to eq([30, 10])
      api.configure_connection { |connection| connection.headers["X-A"] = "b" }
      expect([api.connection.equal?(before), api.connection.headers["X-A"]]).to eq([false, "b"])
    end

    it "needs an address" do
      [{}, { "url" => "nowhere" }].each do |config|
        api = described_class.new(config: config)
        allow(api).to receive(:faraday?).and_return(false)
        expect { api.get("/") }.to raise_error(TaskerCore::Errors::ConfigurationError)
      end
    end

    it "looks whether Faraday is there" do
      api = described_class.new
      allow(api).to receive(:require).with("faraday").and_raise(LoadError)
      expect(api.send(:faraday?)).to be(false)
      allow(api).to receive(:require).with("faraday").and_return(true)
      expect(api.send(:faraday?)).to be(true)
    end

    it "is Faraday's where that is installed" do
      builder =
        Class.new do
          def request(*) = nil
          def response(*) = nil
          def adapter(*) = nil
        end.new
      faraday = Class.new do
        singleton_class.attr_accessor :made, :default_adapter
        define_singleton_method(:new) do |**options, &block|
          self.made = options
          block.call(builder)
          :connection
        end
      end
      stub_const("Faraday", faraday)
      api = described_class.new(config: { base_url: "http://a", headers: { "X" => "y" }, timeout: 5 })
      allow(api).to receive(:faraday?).and_return(true)
      yielded = nil
      expect(api.configure_connection { |given| yielded = given }).to eq(:connection)
      expect(faraday.made).to eq(url: "http://a", headers: { "X" => "y" }, request: { timeout: 5, open_timeout: 10 })
      expect(yielded).to equal(builder)
    end
  end

  it "tells what it can do" do
    expect(described_class.new.capabilities).to eq(%w[process http api])
    expect(described_class.new.config_schema[:required]).to eq(["url"])
    expect { described_class.new.process(1, 2, 3) }.to raise_error(NotImplementedError)
  end
end
