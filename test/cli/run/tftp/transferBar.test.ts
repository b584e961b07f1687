import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Transfer from "../../../../src/cli/run/tftp/transfer.ts"
import * as TransferBar from "../../../../src/cli/run/tftp/transferBar.ts"
import * as Amount from "../../../../src/terminal/Amount.ts"
import type * as TftpClient from "../../../../src/tftp/TftpClient.ts"
import * as Cli from "../../../support/Cli.ts"

const at = (bytes: number, total: number | undefined, resent = 0): TftpClient.Progress => ({
  ...{ bytes, total, resent, malformed: 0 },
  rtt: undefined,
  blksize: 1_428,
  windowsize: 64
})

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("transferBar", () => {
  it("shows size, percentage, rate, remaining time and resent packets", () => {
    assert.strictEqual(
      TransferBar.bar("f", at(25e6, 100e6), 5, 80),
      "f   25% [========                       ] 25.0 MB of 100 MB  5.00 MB/s  ETA 0:15"
    )
    assert.match(TransferBar.bar("f", at(25e6, 100e6, 3), 5, 80), / {2}ETA 0:15, 3 resent$/)
    assert.strictEqual(
      TransferBar.bar("f", at(0, 100e6), 0, 60),
      "f    0% [           ] 0 bytes of 100 MB  0 bytes/s  ETA -:--"
    )
    assert.strictEqual(TransferBar.bar("f", at(1_500, undefined), 1, 80), "f  1.50 kB  1.50 kB/s")
    assert.strictEqual(
      TransferBar.done("f", at(12_345, 12_345, 2), 2),
      "f: 12.3 kB in 2.00 s, 6.17 kB/s, blksize 1428, windowsize 64, 2 resent"
    )
  })

  it.prop(
    "is never wider than the terminal",
    [int(0, 2 ** 40), int(0, 2 ** 40), int(0, 100_000), int(1, 200)],
    ([one, other, millis, width]) => {
      const progress = at(Math.min(one, other), Math.max(one, other), millis)
      assert.isAtMost(TransferBar.bar("name", progress, millis / 1_000, width).length, width)
    }
  )

  it("formats three significant digits, also when they round up", () => {
    const shown = [0, 1, 999, 1_000, 999_499, 999_999, 12_345_678].map(Amount.formatBytes)
    assert.deepStrictEqual(shown, ["0 bytes", "1 bytes", "999 bytes", "1.00 kB", "999 kB", "1.00 MB", "12.3 MB"])
  })

  it("takes names from paths, and appends names to folders", () => {
    const paths = ["a/b", "\\Boot\\BCD", "a/", "", "..", "x"]
    assert.deepStrictEqual(paths.map(Transfer.lastOf), ["b", "BCD", undefined, undefined, undefined, "x"])
    const urls = ["tftp://h/", "tftp://h:70/a/;mode=netascii", "tftp://h/a", "tftp://h", "tftp://h/a/b;c"]
    assert.deepStrictEqual(
      urls.map((url) => Transfer.withName(url, "x y")),
      ["tftp://h/x%20y", "tftp://h:70/a/x%20y;mode=netascii", "tftp://h/a", "tftp://h", "tftp://h/a/b;c"]
    )
  })
})

describe("scripts", () => {
  it.live("examples/virtual-files.ts prints the events of its transfers", () =>
    Effect.gen(function* () {
      const example = yield* Cli.startScript("examples/virtual-files.ts", [])
      const [, url] = yield* example.waitForOutput("stdout", /^curl -so boot.cfg (tftp:\S+)$/m)
      const got = yield* Cli.startScript("tftp-get.ts", [url!])
      const { stdout } = yield* got.ended
      assert.strictEqual(stdout.toString(), "# for 127.0.0.1\n".repeat(100_000))
      yield* example.waitForOutput("stdout", /^Finished boot.cfg 1600000$/m)
    }).pipe(Effect.scoped)
  )
})
