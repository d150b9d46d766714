/** What is known of rented hardware: disks, instances, regions; each figure with its source. */
export * from './disks.ts';
export {
  findInstance,
  type Instance,
  instanceNames,
  type LocalDrives,
  type VolumeLink,
} from './instances.ts';
export * from './laws.ts';
export {
  regionNames,
  regionRoundTrip,
  sameRegionRoundTrip,
  sameZoneRoundTrip,
} from './regions.ts';
export { HOURS_PER_MONTH } from './series.ts';
export * from './volume.ts';
