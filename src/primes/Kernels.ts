/** The kernels by name. */
import type { Kernel } from "./Kernel.ts"
import { segmented } from "./Segmented.ts"
import { trial } from "./Trial.ts"
import { wheel } from "./Wheel.ts"

/** All kernels, the fastest first. @category kernels @since 0.1.0 */
export const kernels = { wasm: wheel, segmented, trial } as const satisfies Readonly<Record<string, Kernel>>

/** The name of a kernel. @category models @since 0.1.0 */
export type Name = keyof typeof kernels

/** The names of all kernels, the fastest first. @category kernels @since 0.1.0 */
export const names = Object.keys(kernels) as ReadonlyArray<Name>

/** The default kernel: the fastest. @category kernels @since 0.1.0 */
export const fastest: Name = "wasm"
