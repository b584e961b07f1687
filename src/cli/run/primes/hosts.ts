/** The workers on other machines. Loaded only with `--hosts`. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TcpWorkers from "../../../farm/tcp/TcpWorkers.ts"
import type { Workers } from "../../../farm/Worker.ts"
import * as CourseWorkers from "../../../primes/CourseWorkers.ts"
import * as PrimeJob from "../../../primes/PrimeJob.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as network from "../common/network.ts"

interface Options {
  readonly hosts: string
  readonly dialect: "course" | undefined
  readonly key: Redacted.Redacted | undefined
  readonly beforeLog: Effect.Effect<void>
}

/** Parses the list of hosts, and makes their pool: it connects when the run begins. */
export const open = Effect.fnUntraced(function* ({ beforeLog, dialect, hosts, key }: Options) {
  const names = hosts.split(",").map((name) => name.trim())
  for (const name of names) {
    const parsed = TcpWorkers.parseHost(name)
    if (Result.isFailure(parsed)) return yield* new UsageError({ message: `--hosts: ${parsed.failure}` })
  }
  if (dialect === "course" && key !== undefined) {
    return yield* new UsageError({
      message: "--key does not work with --dialect course: the course's protocol has no authentication"
    })
  }
  const context = yield* Layer.build(network.layer)
  const events = yield* Queue.unbounded<TcpWorkers.Event, Cause.Done>()
  const logging = Stream.runForEach(Stream.fromQueue(events), (event) =>
    Effect.andThen(beforeLog, TcpWorkers.logEvent(event))
  )
  const logger = yield* Effect.forkDetach(logging)
  yield* Effect.addFinalizer(() => Effect.andThen(Queue.end(events), Fiber.await(logger)))
  const options: TcpWorkers.HostOptions = { hosts: names, events }
  const workers =
    dialect === "course" ? CourseWorkers.make(options) : TcpWorkers.make({ ...options, job: PrimeJob.job, key })
  const open: Workers = Effect.provide(workers, context)
  return open
})
