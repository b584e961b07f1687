/**
 * Isolation of runs in one process: module-level counters of libraries begin anew in each run.
 *
 * `effect/rpc` numbers its requests with a counter of its module. Its values reach the wire, so that a second run in
 * one process differs from the first. Once registered, modules that are loaded tell where their counters are; runs
 * reset them, and the rest of the process keeps its own. An app needs no change.
 *
 * It must be registered before such modules are loaded: in a file that `node --import` or the `setupFiles` of vitest
 * name.
 *
 * **Example** (Setup file of vitest, named in its `setupFiles`)
 *
 * ```ts
 * import { NodeSimIsolation } from "effect-inet/simulation"
 *
 * NodeSimIsolation.register()
 * ```
 */
import * as Module from "node:module"
import * as ModuleCounters from "./runtime/ModuleCounters.ts"

/** A variable of a module with a number that its functions change. */
const counter = /^(?:export )?(?:let|var) ([A-Za-z_$][\w$]*)(?:: *(?:number|bigint))? *= *(\d+n?);?[ \t]*$/gm

/**
 * Adds a line to the source of a module that makes its counters known; returns it unchanged if it has none.
 *
 * Use it in a plugin where a bundler loads the modules instead of Node.
 *
 * @category transforms
 * @since 0.1.0
 */
export const transform = (source: string): string => {
  const found = [...source.matchAll(counter)]
  if (found.length === 0) return source
  const list = found.map(([, name]) => name).join(", ")
  const initial = found.map(([, , value]) => value).join(", ")
  const registry = `globalThis[Symbol.for(${JSON.stringify(ModuleCounters.registryName)})]`
  // A line within a text looks like a variable, too: reading it fails.
  return `${source}
;((get, set) => {
  try { get() } catch { return }
  ;(${registry} ??= []).push({ initial: [${initial}], get, set })
})(() => [${list}], (values) => { [${list}] = values });
`
}

let isRegistered = false

/** Registers the transform for all modules that Node loads from now on. @category constructors @since 0.1.0 */
export const register = (): void => {
  if (isRegistered) return
  isRegistered = true
  Module.registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context)
      if (!loaded.format?.startsWith("module") || loaded.source === undefined || loaded.source === null) return loaded
      const { source } = loaded
      const text = typeof source === "string" ? source : new TextDecoder().decode(source)
      const transformed = transform(text)
      return transformed === text ? loaded : { ...loaded, source: transformed }
    }
  })
}
