import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as CourseProtocol from "../../src/primes/CourseProtocol.ts"

const Int32 = Schema.Int.check(Schema.isBetween({ minimum: -(2 ** 31), maximum: CourseProtocol.maxBound }))
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

describe("CourseDialect", () => {
  it.prop(
    "requests and answers come out as they went in, in whatever pieces",
    [Schema.Array(Request), Schema.Array(Int32), Schema.Array(Size)],
    ([requests, answers, sizes]) => {
      const asked = Uint8Array.from(requests.flatMap((request) => [...CourseProtocol.encodeRequest(request)]))
      assert.deepStrictEqual(inPieces(CourseProtocol.requestDecoder(), asked, sizes), requests)
      const answered = Uint8Array.from(answers.flatMap((count) => [...CourseProtocol.encodeResponse(count)]))
      assert.deepStrictEqual(inPieces(CourseProtocol.responseDecoder(), answered, sizes), answers)
    }
  )

  it("is little endian", () => {
    assert.deepStrictEqual([...CourseProtocol.encodeRequest({ min: 1, max: 1000 })], [1, 0, 0, 0, 0xe8, 3, 0, 0])
    assert.deepStrictEqual([...CourseProtocol.encodeResponse(168)], [168, 0, 0, 0])
  })

  it.prop("counts 0 and 1 too much where they are in the range", [Request], ([{ max, min }]) => {
    const both = [0, 1].filter((n) => min <= n && n < max)
    assert.strictEqual(CourseProtocol.overcount({ min, max }), both.length)
  })

  it("prints a range as the course's server does", () => {
    assert.strictEqual(CourseProtocol.format({ min: 0, max: 1_000 }, 170), "range        0 -     1000 : count = 170")
  })
})
