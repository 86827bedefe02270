/** What an adapter says of itself, in words for people, and whether it is a GPU at all. Pure; how to get one is not its business. */

/** The part of WebGPU's GPUAdapterInfo that is read here; every text may be empty. */
export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True where Dawn calls the adapter a CPU. */
  readonly isFallbackAdapter?: boolean;
}

export interface AdapterDescription {
  /** `NVIDIA H100 (NVIDIA: 550.54)`; `software: ...` where a CPU plays the GPU. */
  readonly device: string;
  readonly software: boolean;
}

export function describeAdapter(adapter: AdapterInfo): AdapterDescription {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter;
  const name = device || architecture || vendor || 'unnamed GPU';
  const known = description && description !== name ? `${name} (${description})` : name;
  const software = isFallbackAdapter === true || SOFTWARE.test([vendor, architecture, known].join(' '));
  return { device: software ? `software: ${known}` : known, software };
}

/** Google's and Mesa's Vulkan on a CPU, and Windows' WARP. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|microsoft basic render/i;
