/** Properties of status peers on any network without faults. */
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type LoadPeer,
  nextChange,
  type Options,
  type Run,
  recordChanges,
  summary,
  type TestNetwork,
  viewOf,
  waitForCount
} from "./StatusTestNetwork.ts"

/** Joins, and returns the peer and an effect that leaves. */
const joinInScope = Effect.fnUntraced(function* (network: TestNetwork, name: string, options?: Options) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const peer = yield* Scope.provide(network.join(name, options), scope)
  return { peer, leave: Scope.close(scope, Exit.void) }
})

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

export const suite = (run: Run) => {
  const test = (name: string, body: (network: TestNetwork) => Effect.Effect<void, unknown, Scope.Scope>) =>
    it.live(name, () => run((network) => Effect.timeout(body(network), network.timeout)))

  test("three peers see each other, a published payload and a goodbye", (network) =>
    Effect.gen(function* () {
      const a = yield* network.join("a")
      const b = yield* joinInScope(network, "b")
      const c = yield* network.join("c")
      for (const peer of [a, b.peer, c]) yield* waitForCount(peer, 3)
      assert.deepStrictEqual(summary(a), ["a alive 0", "b alive 0", "c alive 0"])
      assert.deepStrictEqual(
        Effect.runSync(a.peers.get).map(({ self }) => self),
        [true, false, false]
      )
      const updates = yield* Effect.forEach([a, c], (peer) => nextChange(peer, "Updated", "b"))
      const startedAt = yield* monotonicMillis
      yield* b.peer.publish({ jobs: 7 })
      for (const update of updates) assert.strictEqual((yield* update).peer.payload?.jobs, 7)
      assert.isBelow((yield* monotonicMillis) - startedAt, 105 + network.slack, "sent after `minInterval`")
      const leaves = yield* Effect.forEach([a, c], (peer) => nextChange(peer, "Left", "b"))
      yield* b.leave
      for (const left of leaves) assert.strictEqual((yield* left).peer.payload?.jobs, 7)
      yield* waitForCount(a, 1, "left")
      assert.deepStrictEqual(summary(a), ["a alive 0", "b left 7", "c alive 0"])
    }))

  test("a restarted peer has the same id, and is seen within an interval", (network) =>
    Effect.gen(function* () {
      const a = yield* network.join("a")
      const first = yield* joinInScope(network, "b")
      yield* waitForCount(a, 2)
      const before = viewOf(a, "b")!
      yield* first.leave
      const restarted = yield* nextChange(a, "Restarted", "b")
      const second = yield* joinInScope(network, "b")
      assert.strictEqual(second.peer.id, first.peer.id)
      const { peer } = yield* Effect.timeout(restarted, network.interval + network.slack)
      assert.deepStrictEqual([peer.id, peer.state], [first.peer.id, "alive"])
      assert.isAbove(peer.incarnation, before.incarnation)
    }))

  test("a listen-only peer sees all others, also one of its own name, and is seen by none", (network) =>
    Effect.gen(function* () {
      const a = yield* network.join("a")
      const b = yield* joinInScope(network, "b", { listenOnly: true })
      yield* waitForCount(b.peer, 1)
      const second = yield* network.join("b")
      yield* waitForCount(b.peer, 2)
      assert.deepStrictEqual(summary(b.peer), ["a alive 0", "b alive 0"])
      assert.isFalse(Effect.runSync(b.peer.peers.get).some(({ self }) => self))
      yield* b.peer.publish({ jobs: 9 })
      const update = yield* nextChange(a, "Updated", "b")
      yield* Effect.andThen(b.leave, second.publish({ jobs: 3 }))
      assert.strictEqual((yield* update).peer.payload?.jobs, 3)
      assert.strictEqual((yield* b.peer.stats).sent, 0)
      assert.deepStrictEqual(summary(a), ["a alive 0", "b alive 3"])
    }))

  test("two peers with one id both report a conflict", (network) =>
    Effect.gen(function* () {
      const id = "00c0ffee00c0ffee"
      const watched = yield* Effect.forEach(["a", "b"], (name) =>
        Effect.flatMap(network.join(name, { id }), (peer) =>
          Effect.forkScoped(
            Stream.runHead(Stream.filter(peer.events, ({ _tag, peer }) => _tag === "Conflict" && peer.conflict)),
            { startImmediately: true }
          )
        )
      )
      for (const one of watched) assert.isTrue(Exit.isSuccess(yield* Fiber.await(one)))
    }))

  test("changes start with the subscription, and changes and table end with the peer", (network) =>
    Effect.gen(function* () {
      const a = yield* joinInScope(network, "a")
      yield* network.join("b")
      yield* waitForCount(a.peer, 2)
      const late = yield* recordChanges(a.peer)
      const ends = yield* Effect.forEach([a.peer.events, a.peer.peers.changes], (stream) =>
        Effect.forkScoped(Stream.runDrain(stream as Stream.Stream<unknown>), { startImmediately: true })
      )
      const c = yield* nextChange(a.peer, "Joined", "c")
      yield* network.join("c")
      yield* c
      assert.deepStrictEqual(
        late.map(({ _tag, peer }) => `${_tag} ${peer.name}`),
        ["Joined c"]
      )
      yield* a.leave
      for (const end of ends) assert.isTrue(Exit.isSuccess(yield* Fiber.await(end)))
    }))

  test("the table is published once an interval even without changes", (network) =>
    Effect.gen(function* () {
      const alone: LoadPeer = yield* network.join("a")
      const startedAt = yield* monotonicMillis
      yield* Stream.runDrain(Stream.take(alone.peers.changes, 4))
      assert.isAtLeast((yield* monotonicMillis) - startedAt, 3 * network.interval - 50)
    }))
}
