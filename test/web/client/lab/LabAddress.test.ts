import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as LabAddress from "../../../../src/web/client/lab/LabAddress.ts"
import * as Presets from "../../../../src/web/lab/Presets.ts"
import * as LabSettings from "../../../support/web/LabSettings.ts"

describe("LabAddress", () => {
  it.prop("reads the settings of the address of a run, which needs no correction", [LabSettings.any], ([settings]) => {
    assert.deepStrictEqual(LabAddress.parse(LabAddress.of(settings)), settings)
    assert.isUndefined(LabAddress.correctionOf(LabAddress.of(settings)))
  })

  it("puts an address with bad values right", () => {
    const right = LabAddress.of(Presets.all[0]!.settings)
    const bad = `${right.replace(/loss=\d+/, "loss=999")}&unknown=1`
    assert.strictEqual(LabAddress.correctionOf(bad), right.replace(/loss=\d+/, "loss=100"))
    assert.match(LabAddress.correctionOf("#/lab?protocol=gopher") ?? "", /^#\/lab\?protocol=stop-and-wait&/)
  })

  it("leaves the address of the laboratory without a run, and those of other views", () => {
    for (const address of ["", "#/", "#/lab", "#/lab?", "#/peers"]) assert.isUndefined(LabAddress.correctionOf(address))
  })

  it.prop("puts any address right at once", [Schema.String], ([text]) => {
    const right = LabAddress.correctionOf(`#/lab?${text}`)
    if (right !== undefined) assert.isUndefined(LabAddress.correctionOf(right))
  })
})
