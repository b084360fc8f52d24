"""Document 003: how many frames a second of a source arrive, and how old they are then.

    python stream_benchmark.py --config config.yaml --source test_video.mp4 --seconds 30
"""
from inputs import inputs

from fovea.realtime import benchmark_stream_processor

given = inputs()

results = benchmark_stream_processor(
    config=given.config,
    source=given.source,
    duration=given.seconds,
    target_fps=10.0
)

print(f"Achieved FPS: {results['stream_stats']['avg_fps']:.1f}")
print(f"E2E Latency: {results['stream_stats']['e2e_latency_ms']:.1f}ms")
