import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as IpNetwork from "effect/net/IpNetwork"
import * as reload from "../../../../src/cli/common/settings/reload.ts"

describe("reload.compare", () => {
  const before = {
    port: 1067,
    maxConnections: 10,
    idleTimeout: Duration.seconds(5),
    allow: [IpNetwork.fromStringUnsafe("10.0.0.0/8")],
    stdio: false
  }

  it("finds no difference between equal values of different objects", () => {
    const same = { ...before, idleTimeout: Duration.seconds(5), allow: [IpNetwork.fromStringUnsafe("10.0.0.0/8")] }
    assert.deepStrictEqual(reload.compare(before, same), { limits: [], others: [] })
  })

  it("takes the limits that a service names", () => {
    const after = { ...before, stdio: true, maxConnections: 11 }
    assert.deepStrictEqual(reload.compare(before, after, new Set(["stdio"])), {
      limits: ["stdio"],
      others: ["maxConnections"]
    })
  })

  it("separates limits from options that need a restart", () => {
    const after = {
      ...before,
      port: 2067,
      idleTimeout: Duration.seconds(6),
      allow: [...before.allow, IpNetwork.fromStringUnsafe("192.0.2.0/24")],
      maxConnections: undefined,
      drain: Duration.seconds(1)
    }
    assert.deepStrictEqual(reload.compare(before, after), {
      limits: ["maxConnections", "idleTimeout", "allow", "drain"],
      others: ["port"]
    })
  })
})
