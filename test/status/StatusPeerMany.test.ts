import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as StatusTestNetwork from "../suites/status/StatusTestNetwork.ts"
import { recordChanges, waitForCount } from "../suites/status/StatusTestNetwork.ts"
import { assertNoLeaks } from "../support/Handles.ts"

const count = 30

it.live("30 peers on one port of the loopback broadcast see each other alive", () =>
  assertNoLeaks(
    StatusTestNetwork.loopback(({ join }) =>
      Effect.gen(function* () {
        const names = Array.from({ length: count }, (_, at) => `peer ${at}`)
        const peers = yield* Effect.forEach(names, (name) => join(name, { interval: 200 }), {
          concurrency: "unbounded"
        })
        yield* Effect.forEach(peers, (peer) => waitForCount(peer, count), { concurrency: "unbounded" })
        const changes = yield* Effect.forEach(peers, (peer) => recordChanges(peer))
        yield* Stream.runDrain(Stream.take(peers[0]!.peers.changes, 6))
        for (const peer of peers) {
          const { dropped, failed, rejected, sent } = yield* peer.stats
          assert.deepStrictEqual([dropped ?? 0, failed, rejected], [0, 0, {}])
          assert.isAtMost(sent, 16)
        }
        assert.deepStrictEqual(
          changes.flat().filter(({ _tag }) => _tag === "Down"),
          []
        )
      })
    )
  )
)
