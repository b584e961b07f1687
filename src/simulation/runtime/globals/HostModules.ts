/**
 * Replacements in the modules of Node, if there are any: virtual time, seeded random numbers, and reports of functions
 * that are not simulated.
 */
import * as HostTime from "../HostTime.ts"
import * as Hooks from "./Hooks.ts"
import * as VirtualGlobals from "./VirtualGlobals.ts"

type Module = Readonly<Record<string, unknown>>

/** The process of Node, as far as it is needed here. */
interface Host {
  readonly getBuiltinModule?: (name: string) => Module | undefined
  readonly hrtime?: object
  readonly nextTick?: (action: () => void) => void
  readonly on?: (event: string, listener: Listener) => unknown
  readonly off?: (event: string, listener: Listener) => unknown
  readonly listeners?: (event: string) => ReadonlyArray<Listener>
}

type Listener = (...args: ReadonlyArray<unknown>) => void

const host = Reflect.get(globalThis, "process") as unknown as (Host & object) | undefined

/** `process.nextTick` itself, also during runs. */
const realNextTick = host?.nextTick

/** Functions of the host themselves, also during runs. */
const realImmediate: ((action: () => void) => unknown) | undefined = Reflect.get(globalThis, "setImmediate")
const realNow: () => number = Reflect.get(Date, "now")

const moduleOf = (name: string): Module | undefined => host?.getBuiltinModule?.(name)

/** Functions of modules that use threads, processes or the network of the host: all whose names match. */
const notSimulated: ReadonlyArray<readonly [module: string, names: RegExp, prefix?: string]> = [
  ["child_process", /^(spawn|exec|execFile|fork)(Sync)?$/],
  ["cluster", /^fork$/],
  ["crypto", /^(pbkdf2|scrypt|hkdf|generateKey(Sync)?|generateKeyPair(Sync)?|generatePrime(Sync)?|checkPrime)$/],
  ["dgram", /^createSocket$/],
  ["dns", /^(lookup|resolve|reverse)/],
  ["dns/promises", /^(lookup|resolve|reverse)/],
  ["fs/promises", /^[a-z]/],
  ["http", /^(get|request|createServer)$/],
  ["http2", /^(connect|createServer|createSecureServer)$/],
  ["https", /^(get|request|createServer)$/],
  ["net", /^(connect|createConnection|createServer)$/],
  ["tls", /^(connect|createServer)$/],
  ["worker_threads", /^Worker$/],
  ["zlib", /^(deflate|inflate|gzip|gunzip|deflateRaw|inflateRaw|unzip|brotliCompress|brotliDecompress)$/]
]

/** Exports that are types or constants, not functions to be called. */
const isConstant = (name: string) => /^constants$|^[A-Z_]+$/.test(name)

const reportCalls = (module: string, names: (name: string) => boolean) => {
  const exported = moduleOf(module)
  for (const name of Object.keys(exported ?? {})) {
    if (!names(name) || isConstant(name)) continue
    Hooks.replaceExport(exported, name, ({ onCall }, args, original, called) => {
      onCall(`${module}.${name}`, called)
      return original(...args)
    })
  }
}

/** Reports the functions of `fs` that use its threads: those that have a synchronous form, and streams. */
const reportFileCalls = () => {
  const names = new Set(Object.keys(moduleOf("fs") ?? {}))
  reportCalls("fs", (name) => names.has(`${name}Sync`) || /^create\w+Stream$|^watch/.test(name))
}

const replaceRandom = () => {
  const crypto = moduleOf("crypto")
  const bytes = (random: Hooks.Run["random"], size: unknown) => {
    const array = new Uint8Array(Number(size))
    random.fill(array)
    const nodeBuffer = Reflect.get(moduleOf("buffer") ?? {}, "Buffer") as { from: (source: ArrayBuffer) => unknown }
    return nodeBuffer.from(array.buffer)
  }
  type Callback = (error: null, result: unknown) => void
  /** Returns a result, or calls back with it later. */
  const answer = ({ clock }: Hooks.Run, callback: unknown, result: unknown) => {
    if (typeof callback !== "function") return result
    clock.queueTask(() => (callback as Callback)(null, result))
    return undefined
  }
  Hooks.replaceExport(crypto, "randomBytes", (run, [size, callback]) => answer(run, callback, bytes(run.random, size)))
  Hooks.replaceExport(crypto, "randomUUID", ({ random }) => VirtualGlobals.uuid(random))
  Hooks.replaceExport(crypto, "getRandomValues", ({ random }, [array]) => VirtualGlobals.fill(random, array))
  const part = (array: unknown, offset: unknown, size: unknown) => {
    const { buffer, byteLength, byteOffset } = array as Uint8Array
    const from = typeof offset === "number" ? offset : 0
    return new Uint8Array(buffer, byteOffset + from, typeof size === "number" ? size : byteLength - from)
  }
  Hooks.replaceExport(crypto, "randomFillSync", ({ random }, [array, offset, size]) => {
    random.fill(part(array, offset, size))
    return array
  })
  Hooks.replaceExport(crypto, "randomFill", (run, args) => {
    const [array, offset, size] = args
    run.random.fill(part(array, offset, size))
    return answer(run, args.at(-1), array)
  })
  Hooks.replaceExport(crypto, "randomInt", (run, args) => {
    const [first, second] = args
    const [min, max] = typeof second === "number" ? [Number(first), second] : [0, Number(first)]
    const drawn = min + Math.floor(run.random.random.nextDoubleUnsafe() * (max - min))
    return answer(run, args.at(-1), drawn)
  })
}

const replaceTime = () => {
  const nanos = ({ clock, hostClock }: Hooks.Run) => HostTime.monotonicAt(hostClock().time, clock.now())
  const hrtime = host?.hrtime
  // A program may have the function already: its method is replaced on itself.
  Hooks.replace(hrtime, "bigint", (run) => BigInt(nanos(run)))
  Hooks.replaceExport(host, "hrtime", (run, [since]) => {
    const [seconds, rest] = (since as readonly [number, number] | undefined) ?? [0, 0]
    const passed = nanos(run) - (seconds * 1e9 + rest)
    return [Math.floor(passed / 1e9), passed % 1e9]
  })
  Hooks.replaceExport(host, "uptime", (run) => nanos(run) / 1e9)
  Hooks.replace(host, "nextTick", (run, [callback, ...args], original) => {
    run.onPromise()
    return original(VirtualGlobals.actionOf(run, callback, args))
  })
  // What a process needs of its host differs in each run.
  for (const name of ["memoryUsage", "cpuUsage", "resourceUsage"]) {
    Hooks.replaceExport(host, name, ({ onCall }, args, original, called) => {
      onCall(`process.${name}`, called)
      return original(...args)
    })
  }
  // What a module imported by name from `node:timers` is bound to.
  const timers = moduleOf("timers")
  for (const name of Object.keys(timers ?? {})) {
    const original = timers![name]
    if (!/^(set|clear)(Timeout|Interval|Immediate)$/.test(name)) continue
    // The global function is the replacement while a run is active.
    Hooks.replaceExport(timers as object, name, (_, args) =>
      Reflect.apply(Reflect.get(globalThis, name) ?? original, undefined, args)
    )
  }
  replaceTimerPromises()
}

const replaceTimerPromises = () => {
  const promises = moduleOf("timers/promises")
  const after = (run: Hooks.Run, [delay, value]: ReadonlyArray<unknown>) => VirtualGlobals.delayed(run, delay, value)
  Hooks.replaceExport(promises, "setTimeout", after)
  Hooks.replaceExport(promises, "setImmediate", (run, [value]) => VirtualGlobals.delayed(run, 0, value))
  Hooks.replaceExport(promises, "setInterval", ({ onCall }, args, original, called) => {
    onCall("timers/promises.setInterval", called)
    return original(...args)
  })
}

/** Prepares the replacements, once for the process. */
export const prepare = (): void => {
  replaceTime()
  if (host?.getBuiltinModule === undefined) return
  replaceRandom()
  reportFileCalls()
  for (const [module, names] of notSimulated) reportCalls(module, (name) => names.test(name))
  const { syncBuiltinESMExports } = moduleOf("module") as { readonly syncBuiltinESMExports: () => void }
  syncBuiltinESMExports()
}

/** Calls an action after the current task and its ticks; returns false where the host has none. */
export const nextTick = (action: () => void): boolean => {
  if (realNextTick === undefined) return false
  realNextTick.call(host, action)
  return true
}

/** Real milliseconds, also during runs. */
export const realMillis = (): number => realNow()

/** Calls an action after what else the process has to do now; returns false where the host has no `setImmediate`. */
export const afterTurn = (action: () => void): boolean => {
  if (realImmediate === undefined) return false
  realImmediate(action)
  return true
}

/** Rejections of promises that nobody handles, while a run waits for promises. */
export interface Rejections {
  /** Returns the reason of the first one. */
  readonly first: () => { readonly reason: unknown } | undefined
  readonly stop: () => void
}

/** Receives the rejections that would end the process; other listeners do not, as long as a run does. */
let watching = 0
let suspended: ReadonlyArray<Listener> = []

/** Starts to collect rejections. */
export const watchRejections = (): Rejections => {
  const found = new Map<unknown, unknown>()
  const onRejection: Listener = (reason, promise) => void found.set(promise, reason)
  const onHandled: Listener = (promise) => void found.delete(promise)
  if (watching++ === 0) {
    suspended = host?.listeners?.("unhandledRejection") ?? []
    for (const listener of suspended) host?.off?.("unhandledRejection", listener)
  }
  host?.on?.("unhandledRejection", onRejection)
  host?.on?.("rejectionHandled", onHandled)
  return {
    first: () => {
      for (const reason of found.values()) return { reason }
      return undefined
    },
    stop: () => {
      host?.off?.("unhandledRejection", onRejection)
      host?.off?.("rejectionHandled", onHandled)
      if (--watching > 0) return
      for (const listener of suspended) host?.on?.("unhandledRejection", listener)
      suspended = []
    }
  }
}
