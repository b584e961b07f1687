import { assert, describe, it } from "@effect/vitest"
import * as NodeModuleUrl from "../../src/process/NodeModuleUrl.ts"

describe("NodeModuleUrl", () => {
  it("returns the module beside its caller, with the caller's extension", () => {
    assert.strictEqual(NodeModuleUrl.sibling("file:///app/pool.ts", "worker").href, "file:///app/worker.ts")
    assert.strictEqual(NodeModuleUrl.sibling("file:///app/pool.js?v=1", "worker").href, "file:///app/worker.js")
  })

  it.each(["./job.ts", "../job.ts", ".\\job.ts", "..\\jobs\\job.js"])("refuses the relative path %s", (module) => {
    assert.include(NodeModuleUrl.relativePathError(module), `write new URL("${module}", import.meta.url).href`)
  })

  it.each(["file:///app/job.ts", "/app/job.ts", "my-jobs/sums", ".hidden", "data:text/javascript,1", "C:\\job.ts"])(
    "accepts the module name %s",
    (module) => {
      assert.isUndefined(NodeModuleUrl.relativePathError(module))
    }
  )
})
