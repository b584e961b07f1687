import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as NodeSupervisor from "../../src/process/NodeSupervisor.ts"
import * as NodeWorkerHandle from "../../src/process/NodeWorkerHandle.ts"
import * as Supervision from "../../src/process/Supervision.ts"
import type { Mode, ToWorker } from "./node/Worker.ts"

type Handle = NodeWorkerHandle.WorkerHandle<ToWorker>

const nowhere = new URL("./node/Nowhere.ts", import.meta.url)
const worker = new URL("./node/Worker.ts", import.meta.url)

type Start = (url: URL, mode: Mode, listeners: NodeWorkerHandle.Listeners<string>) => Handle

const kinds: ReadonlyArray<readonly [kind: string, start: Start]> = [
  ["thread", (url, workerData, listeners) => NodeWorkerHandle.thread(url, { workerData }, listeners)],
  [
    "process",
    (url, mode, listeners) => NodeWorkerHandle.childProcess(url, { args: [mode], stdout: "ignore" }, listeners)
  ]
]

const policy: Supervision.Policy = { ...Supervision.defaultPolicy, initialRestartDelayMillis: 1 }

/**
 * Makes a group whose worker `id` has the mode with that number, or the last one. Asserts that all of its workers have
 * ended when the scope has closed.
 */
const makeGroup = Effect.fnUntraced(function* (
  start: Start,
  modes: ReadonlyArray<Mode>,
  options: Partial<Supervision.Policy> = {},
  url = worker
) {
  const running = new Set<number>()
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual([...running], [])))
  const notices = yield* Queue.unbounded<Supervision.Notice>()
  const messages = yield* Queue.unbounded<string>()
  const spawned: Array<number> = []
  const supervisor: NodeSupervisor.Supervisor<Handle> = yield* NodeSupervisor.make<Handle, string>({
    policy: { ...policy, ...options },
    spawn: (id, { onEnd, onMessage }) => {
      spawned.push(id)
      running.add(id)
      return start(url, modes[id - 1] ?? modes.at(-1)!, {
        onMessage,
        onEnd: (reason) => {
          assert.isTrue(running.delete(id), "a worker ends once")
          onEnd(reason)
        }
      })
    },
    onMessage: (id, message) => {
      if (message === "ready") supervisor.ready(id)
      Queue.offerUnsafe(messages, message)
    },
    onNotice: (notice) => Queue.offerUnsafe(notices, notice),
    ping: (handle) => handle.post("work"),
    requestDrain: (handle) => handle.post("drain")
  })
  const post = (message: ToWorker) => {
    for (const [, handle] of supervisor.available()) handle.post(message)
  }
  /** Waits for the next notice with this tag. */
  const notice = <Tag extends Supervision.Notice["_tag"]>(tag: Tag) =>
    Effect.gen(function* () {
      for (;;) {
        const next = yield* Queue.take(notices)
        if (next._tag === tag) return next as Extract<Supervision.Notice, { readonly _tag: Tag }>
      }
    })
  const message = Effect.fnUntraced(function* (wanted: string) {
    while ((yield* Queue.take(messages)) !== wanted);
  })
  return { supervisor, spawned, post, notice, message }
})

describe.each(kinds)("NodeSupervisor with a %s", (_, start) => {
  /** Registers a test after which no worker is left. */
  const test = (name: string, body: Effect.Effect<void, unknown, Effect.Services<ReturnType<typeof makeGroup>>>) =>
    it.live(name, () => Effect.scoped(body))

  const failure = (group: Effect.Success<ReturnType<typeof makeGroup>>) =>
    Effect.map(Effect.flip(group.supervisor.start(2)), ({ message }) => message)

  test(
    "fails the start if the module does not exist",
    Effect.gen(function* () {
      const group = yield* makeGroup(start, ["serves"], {}, nowhere)
      assert.match(yield* failure(group), /crashed: Cannot find module .*Nowhere/)
      assert.deepStrictEqual(group.spawned, [1, 2])
    })
  )

  test(
    "fails the start if a module throws on load",
    Effect.gen(function* () {
      const group = yield* makeGroup(start, ["serves", "throws"])
      assert.match(yield* failure(group), /crashed: broken on load/)
      assert.deepStrictEqual(group.spawned, [1, 2])
    })
  )

  test(
    "fails the start if a worker exits at once without an error",
    Effect.gen(function* () {
      const group = yield* makeGroup(start, ["exits", "serves"])
      assert.match(yield* failure(group), /(exited|ended) with code 0/)
    })
  )

  test(
    "fails the start at its deadline if a worker never reports that it is ready",
    Effect.gen(function* () {
      const group = yield* makeGroup(start, ["silent"], { startTimeoutMillis: 200 })
      assert.strictEqual(yield* failure(group), "was not ready after 0.2 s")
    })
  )

  test(
    "fails the start if the platform refuses a worker",
    Effect.gen(function* () {
      const refuse = () => {
        throw new Error("no memory")
      }
      const running = yield* NodeSupervisor.make<Handle, string>({ policy, spawn: refuse, onMessage: refuse })
      const { message } = yield* Effect.flip(running.start(1))
      assert.strictEqual(message, "failed to start (no memory)")
    })
  )

  test(
    "replaces workers that die under load, and counts their progress",
    Effect.gen(function* () {
      const { message, notice, post, spawned, supervisor } = yield* makeGroup(start, ["serves"])
      yield* supervisor.start(1)
      for (const end of ["throw", "exit"] as const) {
        yield* message("ready")
        post("work")
        yield* message("work")
        post(end)
        const { isFailure, wasReady } = yield* notice("WorkerEnded")
        assert.deepStrictEqual([isFailure, wasReady], [true, true])
      }
      yield* message("ready")
      assert.deepStrictEqual(spawned, [1, 2, 3])
      const failures = (id: number) => supervisor.state().workers.get(id)?.failures
      assert.strictEqual(failures(3), 2)
      supervisor.progress(3)
      assert.strictEqual(failures(3), 0)
    })
  )

  test(
    "gives up if the replacements cannot load",
    Effect.gen(function* () {
      const group = yield* makeGroup(start, ["serves", "throws"], { maxIdleFailures: 3 })
      yield* group.supervisor.start(1)
      group.post("exit")
      const { reason } = yield* group.notice("GivenUp")
      assert.match(reason, /crashed: broken on load|ended with code 1/)
      assert.deepStrictEqual(group.spawned, [1, 2, 3, 4])
    })
  )

  test(
    "kills a worker that loops, after its heartbeats were missed",
    Effect.gen(function* () {
      const { message, notice, post, supervisor } = yield* makeGroup(start, ["serves"], {
        heartbeat: { intervalMillis: 50, unresponsiveAfterPings: 2, killAfterPings: 3 }
      })
      yield* supervisor.start(1)
      yield* message("work")
      post("loop")
      assert.deepStrictEqual(yield* notice("Unresponsive"), { _tag: "Unresponsive", id: 1 })
      assert.deepStrictEqual(supervisor.available(), [])
      assert.strictEqual((yield* notice("WorkerEnded")).reason, "did not respond for 0.15 s")
    })
  )

  test(
    "drains, and kills a worker that ignores its drain",
    Effect.gen(function* () {
      const { message, notice, supervisor } = yield* makeGroup(start, ["serves"])
      yield* supervisor.start(2)
      supervisor.handle(2)!.post("ignore drains")
      yield* message("ignore drains")
      yield* supervisor.drain(300)
      const [one, two] = [yield* notice("WorkerEnded"), yield* notice("WorkerEnded")]
      assert.deepStrictEqual([one.id, one.isFailure, two.id, two.isFailure], [1, false, 2, false])
      assert.match(one.reason, /with code 0$/)
      assert.strictEqual(two.reason, "did not drain in time")
      assert.strictEqual((yield* Effect.flip(supervisor.start(1))).message, "was closed")
    })
  )

  test(
    "replaces a detached worker at once",
    Effect.gen(function* () {
      const { message, notice, spawned, supervisor } = yield* makeGroup(start, ["serves"])
      yield* supervisor.start(1)
      yield* message("ready")
      supervisor.detach(1)
      yield* message("ready")
      assert.deepStrictEqual(spawned, [1, 2])
      supervisor.handle(1)!.post("exit")
      assert.strictEqual((yield* notice("WorkerEnded")).isFailure, false)
      supervisor.resize(2)
      yield* message("ready")
      assert.deepStrictEqual(
        supervisor.available().map(([id]) => id),
        [2, 3]
      )
    })
  )

  test(
    "ends its workers if its start is interrupted",
    Effect.gen(function* () {
      const { spawned, supervisor } = yield* makeGroup(start, ["silent"])
      assert.isUndefined((yield* Effect.timeoutOption(supervisor.start(2), 50)).valueOrUndefined)
      assert.deepStrictEqual(spawned, [1, 2])
    })
  )
})
