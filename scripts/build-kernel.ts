/**
 * node scripts/build-kernel.ts
 *
 * Compiles the AssemblyScript of `src/primes/kernel/` and writes it as `src/primes/WheelModule.ts`, so that the package
 * runs without a build. The same sources give the same bytes.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.join(import.meta.dirname, "..")

/** The path of the compiled kernel. */
export const target = Path.join(root, "src/primes/WheelModule.ts")

// No runtime and no imports; memory grows up to 64 MiB. `abort` is not used: it would be an import.
const options = "-O3 --noAssert --runtime stub --use abort= --enable simd --enable bulk-memory --maximumMemory 1024"

const compile = async (): Promise<Uint8Array> => {
  const { main } = await import("assemblyscript/asc")
  let binary: Uint8Array | undefined
  const { error, stderr } = await main(
    ["src/primes/kernel/Sieve.ts", "--baseDir", root, "--outFile", "wheel.wasm", ...options.split(" ")],
    {
      writeFile: (_name, contents) => {
        if (typeof contents !== "string") binary = contents
      }
    }
  )
  if (error !== null || binary === undefined) throw new Error(`cannot compile the kernel\n${stderr}`)
  return binary
}

/** Compiles the kernel and returns the text of the module. */
export const build = async (): Promise<string> => {
  const lines = Buffer.from(await compile())
    .toString("base64")
    .match(/.{1,110}/g)!
  return [
    "/** The wheel kernel, compiled from `kernel/Sieve.ts` by `scripts/build-kernel.ts`: WebAssembly, in base64. */",
    "export const wheel =",
    lines.map((line) => `  "${line}"`).join(" +\n"),
    ""
  ].join("\n")
}

if (import.meta.main) Fs.writeFileSync(target, await build())
