import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as CourseProtocol from "../../src/primes/CourseProtocol.ts"

const Int32 = Schema.Int.check(Schema.isBetween({ minimum: -(2 ** 31), maximum: CourseProtocol.upperLimit }))
const Request = Schema.Struct({ min: Int32, max: Int32 })
const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))

const inPieces = <A>({ push }: CourseProtocol.Decoder<A>, bytes: Uint8Array, sizes: ReadonlyArray<number>) => {
  const all: Array<A> = []
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 7
    all.push(...push(bytes.slice(at, at + size)))
    at += size
  }
  return all
}

describe("CourseProtocol", () => {
  it.prop(
    "decodes encoded requests and responses from pieces of any size",
    [Schema.Array(Request), Schema.Array(Int32), Schema.Array(Size)],
    ([requests, responses, sizes]) => {
      const requestBytes = Uint8Array.from(requests.flatMap((request) => [...CourseProtocol.encodeRequest(request)]))
      assert.deepStrictEqual(inPieces(CourseProtocol.requestDecoder(), requestBytes, sizes), requests)
      const responseBytes = Uint8Array.from(responses.flatMap((count) => [...CourseProtocol.encodeResponse(count)]))
      assert.deepStrictEqual(inPieces(CourseProtocol.responseDecoder(), responseBytes, sizes), responses)
    }
  )

  it("encodes numbers in little-endian order", () => {
    assert.deepStrictEqual([...CourseProtocol.encodeRequest({ min: 1, max: 1000 })], [1, 0, 0, 0, 0xe8, 3, 0, 0])
    assert.deepStrictEqual([...CourseProtocol.encodeResponse(168)], [168, 0, 0, 0])
  })

  it.prop("overcounts by the numbers 0 and 1 in a range", [Request], ([{ max, min }]) => {
    const both = [0, 1].filter((n) => min <= n && n < max)
    assert.strictEqual(CourseProtocol.overcount({ min, max }), both.length)
  })

  it("formats a range and its count as the course's server does", () => {
    assert.strictEqual(CourseProtocol.format({ min: 0, max: 1_000 }, 170), "range        0 -     1000 : count = 170")
  })
})
