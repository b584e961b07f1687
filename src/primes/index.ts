/**
 * Counting and listing primes up to 2^53: kernels, a job for a farm, and a server for farms and for the course's
 * client.
 *
 * `Kernels` has the kernels by name; `Trial`, `Segmented` and `Wheel` are one each. `PrimeJob` is the job,
 * `PrimeServer` serves it, `CourseWorkers` uses servers of the course, `Range` parses ranges such as `0..1e10`.
 */
export * as CourseProtocol from "./CourseProtocol.ts"
export * as CourseWorkers from "./CourseWorkers.ts"
export * as Dissector from "./Dissector.ts"
export * as Kernel from "./Kernel.ts"
export * as Kernels from "./Kernels.ts"
export * as PrimeJob from "./PrimeJob.ts"
export * as PrimeServer from "./PrimeServer.ts"
export * as Range from "./Range.ts"
export * as Segmented from "./Segmented.ts"
export * as Trial from "./Trial.ts"
export * as Wheel from "./Wheel.ts"
