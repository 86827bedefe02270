export type {
  ArtifactEntry,
  ArtifactStore,
  CollectableStore,
  Content,
  ReadRange,
  StoredArtifact,
} from './artifact-store.ts';
export { sha256Of, storageFull, streamOf } from './artifact-store.ts';
export { type BoundedStoreOptions, boundedStore } from './bounded-store.ts';
export { cachedStore } from './cached-store.ts';
export {
  ArtifactFile,
  FileList,
  type NamedContent,
  putContents,
  putFileList,
  putFiles,
  readFileList,
  verifyFiles,
} from './file-list.ts';
export { folderStore } from './folder-store.ts';
export { memoryStore } from './memory-store.ts';
export { isRepeatable, isStorageFull, type PatientStoreOptions, patientStore } from './patient-store.ts';
export { openStore } from './store-url.ts';
