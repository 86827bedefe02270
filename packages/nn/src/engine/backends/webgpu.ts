/** Any Vulkan, Metal or D3D12 GPU, through Dawn. */
import { type EngineDescription, unavailable } from '../engine.ts';

export async function startWebgpu(): Promise<EngineDescription> {
  return unavailable('webgpu', 'this version has no webgpu backend');
}
