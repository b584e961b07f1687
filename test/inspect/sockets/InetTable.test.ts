import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as InetTable from "../../../src/inspect/sockets/InetTable.ts"
import { almostTable, anyRow, between, encode, formatTable, garbage, row } from "./ProcFiles.ts"

const tcp = { family: 4, protocol: "tcp", littleEndian: true } as const
const udp = { ...tcp, protocol: "udp" } as const

/** Parses a table into copies of its rows. */
const parse = (bytes: Uint8Array, format: InetTable.InetFormat) => InetTable.parse(bytes, format, (row) => ({ ...row }))

const lines = (bytes: Uint8Array) => bytes.filter((byte) => byte === 0x0a).length

const formats = ([4, 6] as const).flatMap((family) =>
  (["tcp", "udp"] as const).map((protocol): InetTable.InetFormat => ({ family, protocol }))
)

describe("InetTable", () => {
  it.prop("parses each row of TCP as the kernel formats it", [Arbitrary.array(anyRow("tcp"))], ([rows]) => {
    assert.deepStrictEqual(parse(formatTable(rows), tcp), { rows, skippedLines: 0 })
  })

  it.prop("parses each row of UDP with its drops", [Arbitrary.array(anyRow("udp"))], ([rows]) => {
    assert.deepStrictEqual(parse(formatTable(rows), udp), { rows, skippedLines: 0 })
  })

  it("parses IPv6 addresses, of both byte orders", () => {
    const table = (local: string, peer: string) =>
      encode(`titles\n   0: ${local}:0016 ${peer}:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 77 1 0\n`)
    const parseEnds = (local: string, peer: string, littleEndian: boolean) => {
      const { rows } = parse(table(local, peer), { family: 6, protocol: "tcp", littleEndian })
      return rows.map(({ localAddress, peerAddress, ...rest }) => [localAddress, peerAddress, rest.localPort, rest.uid])
    }
    const mapped = "0000000000000000FFFF00000100007F"
    assert.deepStrictEqual(parseEnds("B80D0120000000000000000001000000", mapped, true), [
      ["2001:db8::1", "::ffff:127.0.0.1", 22, 1000]
    ])
    assert.deepStrictEqual(parseEnds("20010DB8000000000000000000000001", "00000000000000000000FFFF7F000001", false), [
      ["2001:db8::1", "::ffff:127.0.0.1", 22, 1000]
    ])
  })

  it("counts lines of other forms, and keeps those between them", () => {
    const text = new TextDecoder().decode(formatTable([row(), row({ localPort: 1068 })]))
    const [titles, first, second] = text.split("\n")
    const broken = [
      "",
      "x",
      first!.slice(0, 20),
      first!.replace("0100007F", "010007F"),
      first!.replace("042B", "042"),
      first!.replace(" 0A ", " G "),
      first!.replace("4242", "")
    ]
    const table = encode([titles, ...broken.flatMap((line) => [first, line]), second, ""].join("\n"))
    const { rows, skippedLines } = parse(table, tcp)
    // Without its inode the next field would be one: only the number of fields could tell.
    assert.strictEqual(skippedLines, broken.length - 1)
    assert.strictEqual(rows.length, broken.length + 2)
    assert.strictEqual(rows.at(-1)?.localPort, 1068)
  })

  it.prop(
    "returns the rows before the end of a table that is cut at any byte",
    [Arbitrary.array(anyRow("udp"), { maxLength: 4 }), between(0, 750)],
    ([rows, length]) => {
      const bytes = formatTable(rows).subarray(0, length)
      const parsed = parse(bytes, udp)
      const whole = Math.max(0, lines(bytes) - 1)
      assert.deepStrictEqual(parsed.rows, rows.slice(0, whole))
      assert.isAtMost(parsed.skippedLines, 1)
    }
  )

  it.prop("never throws, and accounts for each line of garbage", [garbage], ([bytes]) => {
    for (const format of formats) {
      const { rows, skippedLines } = parse(bytes, format)
      assert.isAtMost(rows.length + skippedLines, lines(bytes))
    }
  })

  it.prop("never throws, and accounts for each line of what is almost a table", [almostTable], ([bytes]) => {
    for (const format of formats) {
      const { rows, skippedLines } = parse(bytes, format)
      const ends = lines(bytes)
      const isTerminated = bytes.length === 0 || bytes.at(-1) === 0x0a
      assert.strictEqual(rows.length + skippedLines, Math.max(0, ends - 1) + (isTerminated || ends === 0 ? 0 : 1))
    }
  })
})
