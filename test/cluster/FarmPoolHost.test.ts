import { assert, describe, it } from "@effect/vitest"
import * as Entity from "effect/cluster/Entity"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/testing/TestClock"
import { type ExchangeAnswer, type ExchangeCall, FarmPool, type Outcome } from "../../src/cluster/FarmPool.ts"
import * as FarmPoolHost from "../../src/cluster/FarmPoolHost.ts"
import * as JobModules from "../../src/cluster/JobModules.ts"
import * as RunStore from "../../src/cluster/RunStore.ts"
import { job, sumOf } from "./jobs/steps.ts"

const name = { name: "steps", version: 1 }

const newer = { ...job, version: 2 }

const Host = FarmPoolHost.layer().pipe(
  Layer.provide([
    JobModules.layer([JobModules.entry(job, "/steps.ts"), JobModules.entry(newer, "/newer.ts")]),
    RunStore.layerMemory
  ])
)

/** Makes a pool on a host. */
const makePool = Effect.gen(function* () {
  const client = yield* Entity.makeTestClient(FarmPool, Host)
  return yield* client("p")
}).pipe(Effect.provide(ShardingConfig.layerDefaults))

type Pool = Effect.Success<typeof makePool>

/** Makes an agent of the pool, whose calls are numbered. */
const makeAgent = (pool: Pool, agent: string) => {
  const at = { session: "", sequence: 0 }
  const request = (changes: Partial<ExchangeCall>): ExchangeCall => ({
    ...{ agent, name: agent, host: "m", ...at, slots: 1, jobs: [name] },
    ...{ outcomes: [], lostJobs: [], working: [], wait: false, leaving: false },
    ...changes
  })
  const call = Effect.fnUntraced(function* (changes: Partial<ExchangeCall> = {}) {
    at.sequence++
    const answer = yield* pool.Exchange(request(changes))
    at.session = answer.session
    return answer
  })
  return { call, repeat: (changes: Partial<ExchangeCall> = {}) => pool.Exchange(request(changes)) }
}

type Agent = ReturnType<typeof makeAgent>

const doneOf = ({ tasks }: ExchangeAnswer): ReadonlyArray<Outcome> =>
  tasks.map(({ number, packet }) => ({
    ...{ _tag: "Done", number, millis: 1 },
    result: `${(JSON.parse(packet) as { readonly at: number }).at}`
  }))

/** Works on all that the agent receives, for ever. */
const workOn = Effect.fnUntraced(function* ({ call }: Agent, given: ExchangeAnswer) {
  let answer = given
  while (true) answer = yield* call({ outcomes: doneOf(answer), wait: true })
})

const runOf = (pool: Pool, key: string, packets: number, changes: Partial<Parameters<Pool["Run"]>[0]> = {}) =>
  pool.Run({ key, attempt: 1, job: name, input: JSON.stringify({ packets, millis: 0 }), settings: {}, ...changes })

const metric = (id: string, state?: string) =>
  Effect.map(Metric.snapshot, (all) => {
    const found = all.find(
      (one) => one.id === `effect_inet_cluster_${id}` && one.attributes?.pool === "p" && one.attributes.state === state
    )
    const { count, value } = found!.state as { readonly count?: number; readonly value?: number }
    return count ?? value
  })

const message = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

describe("the host of a pool", () => {
  it.effect("answers a repeated call as the first: neither outcomes nor tasks count twice", () =>
    Effect.gen(function* () {
      const pool = yield* makePool
      const agent = makeAgent(pool, "a")
      yield* agent.call()
      const running = yield* Effect.forkChild(runOf(pool, "k", 5))
      const given = yield* agent.call({ wait: true })
      assert.strictEqual(given.tasks.length, 2)
      assert.deepStrictEqual(yield* agent.repeat({ wait: true }), given)
      const outcomes = doneOf(given)
      const next = yield* agent.call({ outcomes, wait: true })
      assert.deepStrictEqual(yield* agent.repeat({ outcomes, wait: true }), next)
      yield* Effect.forkChild(workOn(agent, next))
      assert.strictEqual(yield* Fiber.join(running), `${sumOf(5)}`)
    })
  )

  it.effect("an agent without a call for two seconds has left: others receive its packets", () =>
    Effect.gen(function* () {
      const pool = yield* makePool
      const [silent, other] = [makeAgent(pool, "silent"), makeAgent(pool, "other")]
      const { session } = yield* silent.call()
      const running = yield* Effect.forkChild(runOf(pool, "k", 2))
      assert.strictEqual((yield* silent.call({ wait: true })).tasks.length, 2)
      yield* TestClock.adjust("1900 millis")
      assert.strictEqual(yield* metric("agents"), 1)
      assert.strictEqual(yield* metric("tasks", "held"), 2)
      yield* TestClock.adjust("300 millis")
      assert.strictEqual(yield* metric("agents"), 0)
      assert.strictEqual(yield* metric("silent_agents_total"), 1)
      yield* Effect.forkChild(workOn(other, yield* other.call()))
      assert.strictEqual(yield* Fiber.join(running), `${sumOf(2)}`)
      assert.notStrictEqual((yield* silent.call()).session, session)
    })
  )

  it.effect("an agent that leaves returns its packets at once", () =>
    Effect.gen(function* () {
      const pool = yield* makePool
      const [leaving, other] = [makeAgent(pool, "leaving"), makeAgent(pool, "other")]
      yield* leaving.call()
      const running = yield* Effect.forkChild(runOf(pool, "k", 2))
      yield* leaving.call({ wait: true })
      yield* leaving.call({ leaving: true })
      yield* Effect.forkChild(workOn(other, yield* other.call()))
      assert.strictEqual(yield* Fiber.join(running), `${sumOf(2)}`)
    })
  )

  it.effect("gives a key to one run: neither to another input, nor to another version of the job", () =>
    Effect.gen(function* () {
      const pool = yield* makePool
      const agent = makeAgent(pool, "a")
      yield* agent.call()
      const running = yield* Effect.forkChild(
        Effect.all([runOf(pool, "k", 3), runOf(pool, "k", 3)], { concurrency: 2 })
      )
      const given = yield* agent.call({ wait: true })
      assert.match(yield* message(runOf(pool, "k", 4)), /^run k exists already: /)
      assert.match(
        yield* message(runOf(pool, "k", 3, { job: { name: "steps", version: 2 } })),
        /^run k exists already: it is steps 1 of .*, not steps 2 of /
      )
      yield* Effect.forkChild(workOn(agent, given))
      assert.deepStrictEqual(yield* Fiber.join(running), [`${sumOf(3)}`, `${sumOf(3)}`])
    })
  )

  it.effect("cancels a run once, and the next attempt continues it from what is saved", () =>
    Effect.gen(function* () {
      const pool = yield* makePool
      const agent = makeAgent(pool, "a")
      yield* agent.call()
      const running = yield* Effect.forkChild(message(runOf(pool, "k", 4)))
      const given = yield* agent.call({ wait: true })
      const next = yield* agent.call({ outcomes: doneOf(given), wait: true })
      assert.deepInclude(yield* pool.Watch({ key: "k" }), { state: "running", done: 2, packets: 2 })
      const stopped = Effect.andThen(
        Effect.yieldNow,
        agent.call({ outcomes: next.tasks.map(({ number }) => ({ _tag: "Stopped", number })) })
      )
      const [isCancelled] = yield* Effect.all([pool.Cancel({ key: "k" }), stopped], { concurrency: 2 })
      assert.isTrue(isCancelled)
      assert.match(yield* Fiber.join(running), /^run k was cancelled/)
      assert.isFalse(yield* pool.Cancel({ key: "k" }))
      assert.isFalse(yield* pool.Cancel({ key: "unknown" }))
      assert.deepInclude(yield* pool.Watch({ key: "k" }), { state: "cancelled", attempt: 2, done: 2 })
      assert.deepStrictEqual(yield* pool.Output({ key: "k" }), { state: "cancelled", done: 2, total: 4, output: "1" })
      const again = yield* Effect.forkChild(runOf(pool, "k", 4, { attempt: 2 }))
      yield* Effect.forkChild(workOn(agent, yield* agent.call({ wait: true })))
      assert.strictEqual(yield* Fiber.join(again), `${sumOf(4)}`)
      assert.deepStrictEqual(yield* pool.Output({ key: "k" }), {
        state: "done",
        done: 4,
        total: 4,
        output: `${sumOf(4)}`
      })
    })
  )
})
