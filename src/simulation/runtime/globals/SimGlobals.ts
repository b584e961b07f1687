/** The globals of JavaScript and the modules of Node during a run: virtual, seeded, or reported. */
import * as Hooks from "./Hooks.ts"
import * as HostModules from "./HostModules.ts"
import * as VirtualGlobals from "./VirtualGlobals.ts"

let isPrepared = false

/** Makes the globals those of a run, and returns a function that restores them. */
export const enter = (run: Hooks.Run): (() => void) => {
  if (!isPrepared) {
    isPrepared = true
    VirtualGlobals.prepare()
    HostModules.prepare()
  }
  return Hooks.enter(run)
}
