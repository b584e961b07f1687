import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as TransferLog from "../../../src/tftp/server/TransferLog.ts"
import type { TransferInfo } from "../../../src/tftp/TftpServerEvent.ts"
import type { Summary } from "../../../src/tftp/transfer/Transfer.ts"

const client = { address: "192.0.2.1", port: 4_000 }

const transfer = (id: number): TransferInfo => ({ id, kind: "RRQ", filename: `f${id}`, mode: "octet", client })

const summary = (bytes: number): Summary => ({
  ...{ bytes, resent: 0, malformed: 0, rtt: undefined, blksize: 512, windowsize: 1 }
})

/** Makes a log with a clock that the test sets. */
const makeLog = () => {
  const clock = { now: 0 }
  return { clock, ...TransferLog.make(() => clock.now) }
}

const describeAll = (all: ReadonlyArray<TransferLog.TransferStatus>) =>
  all.map(({ endedAtMillis = "", startedAtMillis, state, transfer: { id } }) => [
    id,
    state,
    startedAtMillis,
    endedAtMillis
  ])

const State = Schema.Literals(["done", "refused", "failed", "stopped"])

describe("TransferLog", () => {
  it("lists running transfers in their order, and then those that have ended, the last one first", () => {
    const { begin, clock, end, list, setSize } = makeLog()
    const all = [1, 2, 3, 4].map(transfer)
    for (const one of all) {
      clock.now += 10
      begin(one)
    }
    setSize(all[0]!, 700)
    clock.now = 100
    end(all[1]!, "done", summary(9))
    clock.now = 200
    end(all[3]!, "failed", summary(0), "no reply")
    const listed = list([all[0]!, all[2]!].map((one) => ({ transfer: one, summary: undefined })))
    assert.deepStrictEqual(describeAll(listed), [
      [1, "running", 10, ""],
      [3, "running", 30, ""],
      [4, "failed", 40, 200],
      [2, "done", 20, 100]
    ])
    assert.deepStrictEqual(
      listed.map(({ reason, totalBytes }) => [totalBytes, reason]),
      [
        [700, undefined],
        [undefined, undefined],
        [undefined, "no reply"],
        [undefined, undefined]
      ]
    )
  })

  it("lists a transfer once while its request is still in the table after its end", () => {
    const { begin, end, list } = makeLog()
    const one = transfer(1)
    begin(one)
    end(one, "done", summary(5))
    assert.deepStrictEqual(
      list([{ transfer: one, summary: summary(5) }]).map(({ state }) => state),
      ["done"]
    )
  })

  it("gives a request that is refused at once the same start and end", () => {
    const { clock, end, list } = makeLog()
    clock.now = 7
    end(transfer(1), "refused", undefined, "busy")
    assert.deepStrictEqual(describeAll(list([])), [[1, "refused", 7, 7]])
  })

  it("keeps transfers that have ended during a flood of requests that transfer nothing", () => {
    const { begin, end, list } = makeLog()
    const kept = transfer(1)
    begin(kept)
    end(kept, "done", summary(100))
    for (let id = 2; id < 5_000; id++) {
      const forged = transfer(id)
      begin(forged)
      end(forged, id % 2 === 0 ? "stopped" : "failed", summary(0), "no reply")
    }
    const listed = list([])
    assert.isTrue(listed.some(({ transfer: { id } }) => id === 1))
    assert.isAtMost(listed.length, 17)
    assert.strictEqual(listed[0]?.transfer.id, 4_999)
  })

  it.prop(
    "lists at most 80 transfers that have ended, each once and the latest first",
    [Arbitrary.array(Arbitrary.schema(Schema.Tuple([State, Schema.Literals([0, 1])])), { maxLength: 200 })],
    ([ends]) => {
      const { clock, end, list } = makeLog()
      for (const [index, [state, bytes]] of ends.entries()) {
        clock.now = index
        end(transfer(index), state, summary(bytes))
      }
      const ids = list([]).map(({ transfer: { id } }) => id)
      assert.isAtMost(ids.length, 80)
      assert.isAtLeast(ids.length, Math.min(16, ends.length))
      assert.deepStrictEqual(
        ids,
        [...new Set(ids)].sort((one, other) => other - one)
      )
    }
  )
})
