import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeCommandFinder from "../../../../src/cli/run/connect/NodeCommandFinder.ts"
import { directory } from "../../../support/Directory.ts"

describe("NodeCommandFinder", () => {
  it.effect("whyMissing finds what execvp(3) finds, and says why it finds nothing", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ "bin/tool": "", "bin/data": "", "bin/folder/x": "" })
      Fs.chmodSync(inRoot("bin/tool"), 0o755)
      const path = `/nosuch:${root}/bin`
      const found = (command: string, searchPath = path) => NodeCommandFinder.whyMissing(command, searchPath)
      assert.isUndefined(found("tool"))
      assert.isUndefined(found(inRoot("bin/tool"), ""))
      const none = "no such command (searched PATH); install it, or give its path"
      for (const name of ["nosuch", "data", "folder"]) assert.strictEqual(found(name), none, name)
      assert.strictEqual(found("tool", "/nosuch"), none)
      assert.strictEqual(found("/nosuch/tool"), "no such file or directory; check the path")
      assert.strictEqual(found(inRoot("bin/folder")), "a folder; give the path of a program in it")
      assert.strictEqual(found(inRoot("bin/data")), "not executable; allow it with chmod +x")
      assert.strictEqual(found(""), "the name is empty; give a command")
    }).pipe(Effect.scoped)
  )

  it.effect("whyMissing searches the default folders without PATH", () =>
    Effect.gen(function* () {
      const { PATH } = process.env
      yield* Effect.addFinalizer(() => Effect.sync(() => Object.assign(process.env, { PATH })))
      delete process.env.PATH
      assert.isUndefined(NodeCommandFinder.whyMissing("sh"))
    }).pipe(Effect.scoped)
  )
})
