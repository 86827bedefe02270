/**
 * The one import of TensorFlow.js. In Node, `@tensorflow/tfjs-core` alone registers no gradients: `@tensorflow/tfjs`
 * does, as a side effect. No backend is chosen here.
 */
import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';

// Silences the advertisement that the cpu backend prints on its first tensor; no check that we rely on is lost.
tf.env().set('PROD', true);

export { tf };
export type Tensor = tf.Tensor;
export type Tensor1D = tf.Tensor1D;
export type Tensor2D = tf.Tensor2D;
export type Tensor3D = tf.Tensor3D;
