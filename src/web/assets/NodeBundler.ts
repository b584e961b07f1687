/**
 * Bundler of the page in a process of its own. It takes hundreds of megabytes, which a server that bundles by itself
 * would keep.
 */
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import type { FromProcess } from "./NodeBundleProcess.ts"
import type * as PageAssets from "./PageAssets.ts"

const program = NodeModuleUrl.sibling(import.meta.url, "NodeBundleProcess")

/** Bundles the page of the sources in `project`. Fails with a line that says why; interruption kills the process. */
export const bundle = (project: string): Effect.Effect<ReadonlyMap<string, PageAssets.Asset>, string> =>
  Effect.callback((resume) => {
    let message: FromProcess | undefined
    let isEnded = false
    let onEnded = () => {}
    const handle = NodeWorkerHandle.childProcess<never, FromProcess>(
      program,
      { args: [project], serialization: "advanced", stdout: "ignore" },
      {
        onMessage: (received) => {
          message = received
        },
        onEnd: (reason) => {
          isEnded = true
          onEnded()
          if (message?._tag === "Bundled") return resume(Effect.succeed(message.assets))
          resume(Effect.fail(message?.reason ?? `the process that bundles it ${reason}`))
        }
      }
    )
    return Effect.callback<void>((resumeEnded) => {
      if (isEnded) return resumeEnded(Effect.void)
      onEnded = () => resumeEnded(Effect.void)
      handle.kill()
    })
  })
