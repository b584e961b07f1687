import { assert, describe, it } from "@effect/vitest"
import * as NodeMisspelledVariables from "../../../../src/cli/run/common/NodeMisspelledVariables.ts"
import * as sections from "../../../../src/cli/run/config/sections.ts"
import * as ServerConfig from "../../../../src/network/ServerConfig.ts"

describe("NodeMisspelledVariables", () => {
  const known = new Set(["ROT13_MAX_CONNECTIONS", "ROT13_PORT", "TFTP_PORT", "EFFECT_INET_LOG_LEVEL"])

  it.each([
    ["ROT13_MAX_CONECTIONS", "ROT13_MAX_CONNECTIONS"],
    ["ROT13_MAX_CONNNECTIONS", "ROT13_MAX_CONNECTIONS"],
    ["ROT13_PROT", "ROT13_PORT"],
    ["TFTP_PORD", "TFTP_PORT"],
    ["EFFECT_INET_LOGLEVEL", "EFFECT_INET_LOG_LEVEL"]
  ])("takes %s for %s", (name, meant) => {
    assert.deepStrictEqual(NodeMisspelledVariables.find(["HOME", name], known), [{ name, meant }])
  })

  it("takes no variable of a command for one of another", () => {
    const { "effect-inet": global = [], ...others } = sections.all.options
    for (const settings of [global, ...Object.values(others)]) {
      const names = settings.map(({ name, section }) => ServerConfig.variable(section, name))
      const wrong = names.flatMap((name) =>
        NodeMisspelledVariables.find([name], new Set(names.filter((one) => one !== name)))
      )
      assert.deepStrictEqual(wrong, [])
    }
  })

  it.each([
    ["ROT13_PORT"],
    // Of a container's links.
    ["ROT13_PORT_1067_TCP"],
    ["ROT13_SERVICE_HOST"],
    ["ROT_PORT"],
    ["ROT13_PORTS"],
    ["XOT13_PORT"],
    ["_PORT"],
    ["PORT"],
    [""]
  ])("leaves %j alone", (name) => {
    assert.deepStrictEqual(NodeMisspelledVariables.find([name], known), [])
  })
})
