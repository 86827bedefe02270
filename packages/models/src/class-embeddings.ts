/** Each class: the mean of its prompts' unit rows, made a unit row again. [classes * templates, width] to [classes, width]. */
export function classEmbeddings(prompts: Float32Array, templates: number, width: number): Float32Array {
  const classes = new Float32Array(prompts.length / templates);
  for (let start = 0; start < classes.length; start += width) {
    const row = classes.subarray(start, start + width);
    for (let i = 0; i < templates * width; i++) row[i % width]! += prompts[start * templates + i]!;
    const norm = Math.hypot(...row);
    for (let i = 0; i < width; i++) row[i]! /= norm;
  }
  return classes;
}
