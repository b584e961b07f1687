import { assert, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { PeerRecord } from "../../../src/status/membership/PeerRecord.ts"
import * as PeerRecordMap from "../../../src/status/membership/PeerRecordMap.ts"

const row = (id: string, received: number) => ({ info: { id }, received }) as unknown as PeerRecord<number>

const step = Arbitrary.all({
  what: Arbitrary.schema(Schema.Literals(["set", "set", "set", "bump", "drop"])),
  id: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })))
})

const plain = (rows: PeerRecordMap.PeerRecordMap<number>) =>
  new Map(PeerRecordMap.values(rows).map(({ received, info }) => [info.id, received]))

it.prop(
  "PeerRecordMap behaves like a Map after any operations, and earlier versions stay unchanged",
  [Arbitrary.array(step, { maxLength: 150 })],
  ([steps]) => {
    let rows: PeerRecordMap.PeerRecordMap<number> = PeerRecordMap.empty
    const model = new Map<string, number>()
    for (const [at, { id, what }] of steps.entries()) {
      const before = rows
      const were = plain(before)
      const key = `${id}`
      if (what === "set") {
        rows = PeerRecordMap.set(rows, row(key, at))
        model.set(key, at)
      } else {
        // Every seventh record from a changing offset: sometimes several, sometimes none.
        const isMeant = ({ info }: PeerRecord<number>) => Number(info.id) % 7 === id
        rows = PeerRecordMap.filterMap(rows, (one) =>
          isMeant(one) ? (what === "drop" ? undefined : row(one.info.id, at)) : one
        )
        for (const key of model.keys()) {
          if (Number(key) % 7 !== id) continue
          if (what === "drop") model.delete(key)
          else model.set(key, at)
        }
      }
      assert.deepStrictEqual(plain(before), were)
      assert.strictEqual(PeerRecordMap.size(rows), model.size)
      for (const key of [...model.keys(), "none"])
        assert.strictEqual(PeerRecordMap.get(rows, key)?.received, model.get(key))
    }
    assert.deepStrictEqual([...plain(rows)].sort(), [...model].sort())
    assert.deepStrictEqual(plain(PeerRecordMap.from(PeerRecordMap.values(rows))), plain(rows))
  }
)
