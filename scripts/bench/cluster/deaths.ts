/** The times after which a cluster goes on when one of its processes is killed. */
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Postgres from "../../../test/support/cluster/Postgres.ts"
import { BenchError, type Child } from "../child.ts"
import * as Packets from "./packets.ts"
import * as Programs from "./programs.ts"

const kill = ({ pid }: Child) =>
  Effect.sync(() => {
    process.kill(pid, "SIGKILL")
    return Date.now()
  })

/** Makes a database for a cluster of its own, with a client. */
const inNewDatabase = Effect.fnUntraced(function* (programs: Programs.Programs) {
  const postgres = yield* Postgres.make
  return { ...programs, postgres, client: yield* Programs.makeClient(postgres) }
})

const both = <A, E, R>(one: Effect.Effect<A, E, R>) => Effect.all([one, one], { concurrency: 2 })

/** Runs packets of 100 ms with a death amid them, and returns their record and the time of the death. */
const runWithDeath = Effect.fnUntraced(function* (
  programs: Programs.Programs,
  packets: number,
  death: Effect.Effect<number, BenchError>
) {
  const [key, log] = [Programs.newName(), Path.join(programs.folder, Programs.newName())]
  return yield* Programs.asClient(
    programs,
    Effect.gen(function* () {
      yield* Programs.warmUp
      const running = yield* Effect.forkScoped(Programs.run({ packets, millis: 100, log }, key))
      yield* Programs.untilDone(key, packets / 4)
      const killedMillis = yield* death
      const count = yield* Fiber.join(running)
      if (count !== packets) return yield* new BenchError({ message: `${count} results of ${packets} packets` })
      return { killedMillis, record: Packets.readRecord(log) }
    })
  )
})

/** Kills one of two workers, and returns the seconds until the packets that it had are done. */
export const killWorker = Effect.fnUntraced(function* (surroundings: Programs.Programs) {
  const programs = yield* inNewDatabase(surroundings)
  yield* Programs.startHost(programs)
  const [victim] = yield* both(Programs.startWorker(programs))
  const { killedMillis, record } = yield* runWithDeath(programs, 100, kill(victim))
  const lastBegun = Math.max(...record.filter(({ pid }) => pid === victim.pid).map(({ at }) => at))
  const ends = record.flatMap(({ at, endMillis = 0 }) =>
    at <= lastBegun && endMillis > killedMillis ? [endMillis] : []
  )
  return (Math.max(...ends) - killedMillis) / 1_000
}, Effect.scoped)

/** Kills the host of the pool, one of two, and returns the seconds until a worker begins a packet of the other. */
export const killHost = Effect.fnUntraced(function* (surroundings: Programs.Programs) {
  const programs = yield* inNewDatabase(surroundings)
  const hosts = yield* both(Programs.startHost(programs))
  yield* both(Programs.startWorker(programs))
  const killOwner = Effect.gen(function* () {
    const agents = yield* Effect.forEach(hosts, ({ request }) => request("agents"))
    const owner = hosts[agents.findIndex((count) => Number(count) > 0)]
    return owner === undefined ? yield* new BenchError({ message: "no host has the pool" }) : yield* kill(owner)
  })
  const { killedMillis, record } = yield* runWithDeath(programs, 200, killOwner)
  // Workers end the packets that they have; then there is a pause.
  const begins = record.map(({ beginMillis }) => beginMillis)
  const pauses = begins.slice(1).map((millis, at) => ({ millis, pause: millis - begins[at]! }))
  const longest = pauses.reduce((one, other) => (other.pause > one.pause ? other : one))
  return (longest.millis - killedMillis) / 1_000
}, Effect.scoped)
