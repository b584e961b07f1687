/** Updates of a number in shared memory by two threads, in three ways, and a mutex. */

/** Indices of the cells of the shared memory, which are integers of 32 bits. */
export const cellIndex = { global: 0, lock: 1, arrived: 2 } as const

export const cellCount = 3

export const threadCount = 2

/** Values of the lock cell. */
const lockState = { free: 0, held: 1, contended: 2 } as const
const { free, held, contended } = lockState

/** Acquires the lock; sleeps in the kernel only while another thread holds it. */
export const lock = (memory: Int32Array) => {
  let was = Atomics.compareExchange(memory, cellIndex.lock, free, held)
  while (was !== free) {
    // A thread that has waited cannot know whether another still waits, and marks the lock as contended.
    if (was === contended || Atomics.compareExchange(memory, cellIndex.lock, held, contended) !== free) {
      Atomics.wait(memory, cellIndex.lock, contended)
    }
    was = Atomics.compareExchange(memory, cellIndex.lock, free, contended)
  }
}

/** Releases the lock, and wakes one thread that sleeps. */
export const unlock = (memory: Int32Array) => {
  if (Atomics.exchange(memory, cellIndex.lock, free) === contended) Atomics.notify(memory, cellIndex.lock, 1)
}

const increment = (memory: Int32Array) => {
  let local = memory[cellIndex.global]!
  local++
  memory[cellIndex.global] = local
}

/** Ways to add one to the number. */
export const updateMethods = {
  none: increment,
  mutex: (memory: Int32Array) => {
    lock(memory)
    increment(memory)
    unlock(memory)
  },
  add: (memory: Int32Array) => void Atomics.add(memory, cellIndex.global, 1)
} as const

export type UpdateMethod = keyof typeof updateMethods

/** Task of a thread. */
export interface MutexJob {
  readonly memory: Int32Array
  readonly way: UpdateMethod
  readonly count: number
}
