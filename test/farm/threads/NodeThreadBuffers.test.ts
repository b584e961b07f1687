/** Buffers on their way to threads and back. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Farm from "../../../src/farm/Farm.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import { job } from "../jobs/buffers.ts"

const module = new URL("../jobs/buffers.ts", import.meta.url)

const pool = (options: Partial<NodeThreadWorkers.ThreadOptions> = {}) =>
  NodeThreadWorkers.make({ module, threads: 2, ...options })

const run = (packets: ReadonlyArray<Uint8Array>, options: Partial<Farm.RunOptions> = {}) =>
  Farm.run(job, packets, { workers: pool(), ordered: true, ...options })

const bytes = (...values: ReadonlyArray<number>) => new Uint8Array(values)

const copied = { ...job, transfer: undefined }

describe("buffers on threads", () => {
  it.live("move with the packets and results of a job that says so", () =>
    Effect.gen(function* () {
      const packets = Array.from({ length: 20 }, (_, at) => bytes(at, at))
      const results = yield* run(packets)
      assert.deepStrictEqual(
        results.map((result) => [...result]),
        packets.map((_, at) => [at + 1, at + 1])
      )
      assert.isTrue(packets.every(({ length }) => length === 0))
    })
  )

  it.live("are copied otherwise", () =>
    Effect.gen(function* () {
      const packets = [bytes(1), bytes(2)]
      assert.deepStrictEqual(yield* Farm.run(copied, packets, { workers: pool(), ordered: true }), [bytes(2), bytes(3)])
      assert.deepStrictEqual(packets, [bytes(1), bytes(2)])
    })
  )

  it.live("are shared if they are a SharedArrayBuffer, also in a job that moves buffers", () =>
    Effect.gen(function* () {
      const shared = new Uint8Array(new SharedArrayBuffer(2))
      const results = yield* run([shared])
      assert.deepStrictEqual(
        [[...results[0]!], [...shared]],
        [
          [1, 1],
          [1, 1]
        ]
      )
    })
  )

  it.live("are lost with the thread to which they moved: the packet fails at once, and no other", () =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(run([bytes(255)]))
      if (reason._tag !== "PoisonPacket") return assert.fail(reason.message)
      assert.deepStrictEqual(
        reason.attempts.map(({ kind, message }) => [kind, message]),
        [["Lost", "the thread exited with code 4"]]
      )
      const packets = [bytes(1), bytes(255), bytes(2), bytes(3), bytes(4), bytes(5)]
      const results = yield* run(packets, { onPoison: "skip", workers: pool({ threads: 1 }) })
      assert.deepStrictEqual(
        results.map((result) => [...result]),
        [[2], [3], [4], [5], [6]]
      )
    })
  )

  it.live("are refused beyond the limit, at once and with their size", () =>
    Effect.gen(function* () {
      const workers = pool({ threads: 1, maxPacketBytes: 8 })
      const { message } = yield* Effect.flip(Farm.run(copied, [bytes(1), new Uint8Array(9)], { workers }))
      const size = "the packet is too large: 9 bytes (limit 8); split the job into smaller packets"
      assert.match(message, new RegExp(`^packet 1 .* failed once: thread 1: ${size.replace(/[()]/g, "\\$&")}$`))
    })
  )
})
