import * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Farm from "../../src/farm/Farm.ts"
import * as TcpWorkers from "../../src/farm/tcp/TcpWorkers.ts"
import * as NodeServices from "../../src/network/node/NodeServices.ts"
import * as CourseWorkers from "../../src/primes/CourseWorkers.ts"
import * as PrimeJob from "../../src/primes/PrimeJob.ts"
import * as HostEvents from "../farm/tcp/HostEvents.ts"

const program = fileURLToPath(new URL("./PrimeServerProcess.ts", import.meta.url))

const ended = (child: ChildProcess.ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

/** Starts a server in a process of its own, which can be killed. */
const start = Effect.gen(function* () {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] })),
    (child) => {
      child.kill("SIGKILL")
      return ended(child)
    }
  )
  const host = yield* Effect.callback<string>((resume) => {
    child.stdout.once("data", (text) => resume(Effect.succeed(String(text).trim())))
  })
  return { host, kill: Effect.sync(() => void child.kill("SIGKILL")) }
})

const input = { from: 0, to: 500_000_000, kernel: "segmented" } as const
const primes = 26_355_867

const reconnect = Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 2 }))

describe("a prime server that is killed during a run", () => {
  it.live.each(["farm", "course"] as const)(
    "does not change the count of a %s run, which continues before the lease ends",
    (dialect) =>
      Effect.gen(function* () {
        const [one, two] = yield* Effect.all([start, start], { concurrency: "unbounded" })
        const { events, takeLines } = yield* HostEvents.make(({ _tag, host }) => `${host} ${_tag}`)
        const hostOptions = { hosts: [one.host, two.host], reconnect, events }
        const pool =
          dialect === "farm" ? TcpWorkers.make({ ...hostOptions, job: PrimeJob.job }) : CourseWorkers.make(hostOptions)
        const workers = Effect.provide(pool, NodeServices.layer)
        const options = { workers, packetSize: 1_000_000, lease: "1 hour" } as const
        const running = yield* Farm.start(PrimeJob.job, input, options)
        yield* running.statsEvery("100 millis").pipe(
          Stream.takeUntil(({ done }) => done >= input.to / 10),
          Stream.runDrain
        )
        yield* one.kill
        assert.strictEqual(yield* running.output, primes)
        const lines = yield* takeLines
        assert.include(lines, `${one.host} Lost`)
        assert.notInclude(lines, `${two.host} Lost`)
      }).pipe(Effect.scoped)
  )

  it.live("ends the run with NoWorkers if it is the only one", () =>
    Effect.gen(function* () {
      const { host, kill } = yield* start
      const { events } = yield* HostEvents.make(({ _tag }) => _tag)
      const pool = TcpWorkers.make({ hosts: [host], job: PrimeJob.job, reconnect, events })
      const workers = Effect.provide(pool, NodeServices.layer)
      const running = yield* Farm.start(PrimeJob.job, input, { workers, packetSize: 1_000_000 })
      yield* running.statsEvery("100 millis").pipe(
        Stream.takeUntil(({ done }) => done > 0),
        Stream.runDrain
      )
      yield* kill
      const { reason } = yield* Effect.flip(running.output)
      assert.strictEqual(reason._tag, "NoWorkers")
      assert.match(reason.message, /nothing is listening on that port/)
    }).pipe(Effect.scoped)
  )
})
