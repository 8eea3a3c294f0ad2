interface DeviceUser {
  readonly cudaDevice: number | null;
}

/** The GPU that the fewest workers have, for the next one; null where there are no GPUs. */
export function leastUsedDevice(devices: readonly number[], workers: readonly DeviceUser[]): number | null {
  const usersOf = (device: number) => workers.filter(({ cudaDevice }) => cudaDevice === device).length;
  const [device = null] = devices.toSorted((a, b) => usersOf(a) - usersOf(b));
  return device;
}
