# frozen_string_literal: true

require "time"
require_relative "support/helper"

# What operators do by hand, through a client.
RSpec.describe TaskerCore::Client::Operators, e2e: true do
  let(:client) { sandbox.client }
  let(:task) { @task.task_uuid }

  after { client.resolve_task(task, reason: "the test is over", by: "spec") unless ended? }

  def ended?
    TaskerCore::Client::ENDED.include?(client.get_task(task).status)
  end

  # Begins a task whose handlers fail as it says.
  def start(how, **more)
    sandbox
    @task = client.create_task(name: "operated", namespace: "errors_rb", context: { how: how, **more }, tags: ["operated"])
  end

  def step(name)
    client.list_task_steps(task).find { |found| found.name == name }
  end

  # Waits until a step is in a state, and returns its id.
  def await(name, state)
    eventually { client.list_task_steps(task).find { |found| found.name == name && found.current_state == state } }.step_uuid
  end

  def act(method, uuid, **more)
    client.public_send(method, task, uuid, reason: "because", by: "ada", **more)
  end

  it "run steps now, complete them by hand, and run them again" do
    start("later", times: 1)
    act(:run_now, await("charge", "waiting_for_retry"))
    done = act(:complete_manually, await("ship", "waiting_for_retry"), result: { fetched: true }, metadata: { till: 3 })
    expect(done).to have_attributes(current_state: "complete", results: include("result" => { "fetched" => true }))
    expect(client.wait_for_task(task).status).to eq("complete")

    again = act(:retry_from, step("charge").step_uuid)
    expect(again.name).to eq("charge")
    resolved = act(:resolve_manually, await("charge", "waiting_for_retry"))
    expect(resolved.current_state).to eq("resolved_manually")
    await("ship", "waiting_for_retry")
    acts = client.get_step_audit_history(task, again.step_uuid).filter_map do |move|
      move.result["action"] if move.result.is_a?(Hash) && move.result["by"] == "ada"
    end
    expect(acts).to eq(%w[run_now retry_from resolve_manually])
  end

  it "have a step that failed for good run again" do
    start("permanent")
    charge = await("charge", "error")
    act(:reset_for_retry, charge)
    eventually { client.get_step_audit_history(task, charge).count { |move| move.to_state == "error" } == 2 }
    expect { act(:run_now, step("charge").step_uuid) }.to raise_error(TaskerCore::CoreConflictError)
    expect(step("charge").attempts).to eq(1)
  end

  it "pause, resume and resolve tasks, and see them in one answer" do
    start("later")
    charge = await("charge", "waiting_for_retry")
    expect(client.pause_task(task, reason: "wait").paused_at).not_to be_nil
    expect(client.resume_task(task, reason: "go on").paused_at).to be_nil
    expect(client.resolve_task(task, reason: "moot").status).to eq("resolved_manually")
    summary = client.task_summary(task)
    expect(summary.task).to have_attributes(task_uuid: task, status: "resolved_manually")
    expect(summary.steps.map(&:name)).to eq(%w[charge ship])
    expect(summary.steps.first).to have_attributes(step_uuid: charge, attempts: 1, max_attempts: 3, error: "the gateway is away")
    expect(summary.links.size).to be_positive
  end

  it "investigate dead letters" do
    start("permanent")
    entry = eventually do
      client.get_dlq_entry(task)
    rescue TaskerCore::CoreNotFoundError
      nil
    end
    expect(entry).to have_attributes(task_uuid: task, dlq_reason: "permanent_failure", resolution_status: "pending")
    expect(client.list_dlq(resolution_status: "pending", limit: 1000).map(&:dlq_entry_uuid)).to include(entry.dlq_entry_uuid)
    expect(client.dlq_investigations(limit: 1000).map(&:task_uuid)).to include(task)
    expect(client.dlq_stats.find { |stats| stats.dlq_reason == "permanent_failure" }.pending).to be_positive

    noted = client.update_dlq_entry(entry.dlq_entry_uuid, resolution_notes: "asked", metadata: { ticket: 7 })
    expect(noted).to have_attributes(resolution_notes: "asked", resolution_status: "pending", metadata: include("ticket" => 7))
    requeued = client.requeue_dlq_entry(entry.dlq_entry_uuid, reason: "a new card")
    expect(requeued.resolution_status).to eq("manually_resolved")
  end

  it "enter tasks among the dead letters by hand, and see which do not move" do
    start("later")
    await("charge", "waiting_for_retry")
    expect(client.add_dlq_entry(task, reason: "it looks odd").dlq_reason).to eq("manual_dlq")
    expect(client.dlq_staleness(limit: 1000).map(&:task_uuid)).to include(task)
  end

  it "find tasks by what they carry" do
    start("later", marked: { by: ["spec"] })
    hour = 3600
    found = lambda do |**filters|
      client.list_tasks(**filters).tasks.map { |listed| listed.to_h[:task_uuid] }.include?(task)
    end
    expect(found.call(context: { marked: { by: ["spec"] } }, tag: ["operated"], name: "operated")).to be(true)
    expect(found.call(since: Time.now - hour, until: Time.now + hour, initiator: @task.initiator)).to be(true)
    expect(found.call(until: Time.now - hour)).to be(false)
    expect { client.list_tasks(since: "yesterday") }.to raise_error(TaskerCore::UsageError, /2026-01-31T12:00:00Z/)
  end
end
