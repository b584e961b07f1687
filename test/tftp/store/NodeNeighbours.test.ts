import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as NodeNeighbours from "../../../src/tftp/store/NodeNeighbours.ts"
import { directory } from "../../support/Directory.ts"

const table = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.7        0x1         0x2         AA:bb:cc:dd:ee:01     *        eth0
192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.9        0x1         0x6         aa:bb:cc:dd:ee:02     *        eth0
192.0.2.10       0x20        0x2         80:00:00:48:fe:80     *        ib0
garbage
`

describe("NodeNeighbours", () => {
  it("has the complete entries with a MAC address, as dnsmasq writes it", () => {
    assert.deepStrictEqual(
      [...NodeNeighbours.parse(table)],
      [
        ["192.0.2.7", "aa-bb-cc-dd-ee-01"],
        ["192.0.2.9", "aa-bb-cc-dd-ee-02"],
        ["192.0.2.10", "80-00-00-48-fe-80"]
      ]
    )
    assert.strictEqual(NodeNeighbours.parse("\0\n\n1 2 3").size, 0)
  })

  it.effect("finds a client by IPv4, also mapped into IPv6, and reads the table once a second", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ arp: table })
      const folder = NodeNeighbours.folders({ table: inRoot("arp") })
      const of = (address: string) => folder({ address, port: 1 })
      assert.strictEqual(yield* of("::ffff:192.0.2.7"), "aa-bb-cc-dd-ee-01")
      assert.isUndefined(yield* of("fe80::1%eth0"))
      Fs.writeFileSync(inRoot("arp"), table.replaceAll("ee:01", "ee:0f"))
      assert.strictEqual(yield* of("192.0.2.7"), "aa-bb-cc-dd-ee-01")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* of("192.0.2.7"), "aa-bb-cc-dd-ee-0f")
    }).pipe(Effect.scoped)
  )

  it.effect("knows no client without a table", () =>
    Effect.gen(function* () {
      const folder = NodeNeighbours.folders({ table: "/nonexistent" })
      assert.isUndefined(yield* folder({ address: "192.0.2.7", port: 1 }))
    })
  )
})
