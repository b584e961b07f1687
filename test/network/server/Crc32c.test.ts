import { assert, describe, it } from "@effect/vitest"
import { crc32c } from "../../../src/network/server/Crc32c.ts"

const vectors: ReadonlyArray<readonly [what: string, bytes: ReadonlyArray<number>, checksum: number]> = [
  ["nothing", [], 0],
  ["the digits 1 to 9", [...Buffer.from("123456789")], 0xe306_9283],
  ["32 bytes of 0", new Array<number>(32).fill(0), 0x8a91_36aa],
  ["32 bytes of 255", new Array<number>(32).fill(255), 0x62a8_ab43],
  ["the bytes 0 to 31", Array.from({ length: 32 }, (_, at) => at), 0x46dd_794e],
  ["the bytes 31 to 0", Array.from({ length: 32 }, (_, at) => 31 - at), 0x113f_db5c]
]

describe("crc32c", () => {
  it.each(vectors)("gives the checksum of RFC 3720, appendix B.4, for %s", (_, bytes, checksum) => {
    assert.strictEqual(crc32c(Uint8Array.from(bytes)), checksum)
  })

  it.each(vectors)("continues the checksum of the bytes before, for %s", (_, bytes, checksum) => {
    const all = Uint8Array.from(bytes)
    for (const at of [0, 1, 5]) assert.strictEqual(crc32c(all.subarray(at), crc32c(all.subarray(0, at))), checksum)
  })
})
