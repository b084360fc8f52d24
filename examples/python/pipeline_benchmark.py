"""Document 003: what a hundred frames cost.

    python pipeline_benchmark.py --config config.yaml
"""
from inputs import inputs

from fovea.realtime import PipelineFactory

given = inputs(source="pattern:football?size=640x360")

pipeline = PipelineFactory.create_realtime_pipeline(given.config)
results = pipeline.profile(num_frames=100, source=given.source)  # without a source: the drawn match, 1080p

print(f"Average FPS: {results['metrics']['avg_fps']:.1f}")
print(f"Average Latency: {results['metrics']['avg_latency_ms']:.1f}ms")
print(f"GPU Memory: {results['metrics']['gpu_memory_mb']:.1f} MB")
for part, ms in results['components'].items():
    print(f"  {part}: {ms:.1f}ms")
